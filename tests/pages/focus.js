// Where the focus is in a page, and what is wrong there: a function that test_keyboard.py calls.
() => {
  const at = document.activeElement;
  if (!at || at === document.body) return null;
  const style = getComputedStyle(at), box = at.getBoundingClientRect();
  // what only a script can focus, as a message, is no control
  const hasRing = at.tabIndex < 0 || style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2;
  const inside = box.bottom > 0 && box.top < innerHeight && box.right > 0 && box.left < innerWidth;
  const seen = document.elementFromPoint(
    Math.min(Math.max(box.left + box.width / 2, 0), innerWidth - 1),
    Math.min(Math.max(box.top + Math.min(box.height / 2, 20), 0), innerHeight - 1));
  const covered = !(seen && (at.contains(seen) || seen.contains(at) || [...(at.labels || [])].some((l) => l.contains(seen))));
  const all = [...document.querySelectorAll("*")];
  return {
    name: at.id ? `#${at.id}` : `${at.tagName.toLowerCase()} "${at.textContent.trim().slice(0, 40)}"`,
    order: all.indexOf(at), problems: [
      ...(hasRing ? [] : ["no ring"]), ...(inside ? [] : ["outside the window"]), ...(covered ? ["covered"] : []),
    ],
  };
}
