// What cannot be read or pressed in a page: a function that test_zoom.py calls.
(smallest) => {
  document.querySelectorAll("details").forEach((details) => (details.open = true));
  const found = [];
  const say = (what, element, text) => found.push(
    `${what}: <${element.tagName.toLowerCase()} class="${element.className}"> ${text.trim().slice(0, 60)}`);
  const root = document.documentElement;
  const wider = root.scrollWidth - root.clientWidth;
  if (wider > 0) found.push(`the page is ${wider} pixels wider than the window`);

  const isShown = (element) => element.checkVisibility({ visibilityProperty: true, opacityProperty: true });
  const isForEarsOnly = (element) => element.closest(".visually-hidden, .skip");
  const onlyInside = (rect, box) => ({
    left: Math.max(rect.left, box.left), right: Math.min(rect.right, box.right),
    top: Math.max(rect.top, box.top), bottom: Math.min(rect.bottom, box.bottom),
  });

  // Where text is, without what can be scrolled to; what is cut off for good is a finding.
  const texts = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const node = walker.currentNode, element = node.parentElement;
    if (!node.data.trim() || !isShown(element) || isForEarsOnly(element)) continue;
    if (element.closest("option, noscript, svg")) continue;
    const range = document.createRange();
    range.selectNodeContents(node);
    for (const whole of range.getClientRects()) {
      if (whole.width < 1) continue;
      let rect = whole;
      for (let box = element; box && box !== document.body; box = box.parentElement) {
        const style = getComputedStyle(box);
        if (style.display === "inline" || style.overflowX === "visible") continue;
        const edge = box.getBoundingClientRect();
        const cut = Math.max(rect.right - edge.right, edge.left - rect.left, rect.bottom - edge.bottom - 4);
        if (cut > 1 && !/auto|scroll/.test(style.overflowX)) say(`cut off by ${Math.round(cut)}`, element, node.data);
        rect = onlyInside(rect, edge);
      }
      const control = element.closest("button, .button, summary");
      if (control) {
        const edge = control.getBoundingClientRect();
        const out = Math.max(whole.right - edge.right, edge.left - whole.left);
        if (out > 1) say(`sticks out of its control by ${Math.round(out)}`, element, node.data);
      }
      if (rect.right - rect.left > 1 && rect.bottom - rect.top > 1) texts.push({ rect, element, text: node.data });
    }
  }
  texts.forEach((one, index) => {
    for (const other of texts.slice(index + 1)) {
      if (one.element === other.element) continue;
      const both = onlyInside(one.rect, other.rect);
      const lower = Math.min(one.rect.bottom - one.rect.top, other.rect.bottom - other.rect.top);
      if (both.right - both.left > 2 && both.bottom - both.top > 0.35 * lower) {
        say(`overlaps "${other.text.trim().slice(0, 30)}"`, one.element, one.text);
      }
    }
  });

  // What can be pressed; a box belongs to its label, and a link within a sentence is as high as its line.
  const isInSentence = (element) => getComputedStyle(element).display === "inline" &&
    [...element.parentElement.childNodes].some((node) => node !== element && node.textContent.trim());
  const controls = "a[href], button, input:not([type=hidden]), select, textarea, summary";
  for (const control of document.querySelectorAll(controls)) {
    if (!isShown(control) || isForEarsOnly(control) || isInSentence(control)) continue;
    const rects = [control, ...(control.labels || [])].map((element) => element.getBoundingClientRect());
    const width = Math.max(...rects.map((rect) => rect.width));
    const height = Math.max(...rects.map((rect) => rect.height));
    if (Math.min(width, height) < smallest - 0.5) {
      say(`is ${Math.round(width)} x ${Math.round(height)}`, control, control.textContent || control.id);
    }
  }
  return [...new Set(found)];
}
