// What the pages gain from a script; without it everything still works.
"use strict";

(() => {
  const SETTLE = 500; // ms in which a click meant for whatever was here before must not say "Allow"
  let settled = false;
  let timer = 0;

  document.documentElement.classList.add("js");

  /** Allow needs a ticked permission where some are offered, and a page that has been in view for a moment. */
  function guard(form) {
    const allow = form.querySelector("button[value=accept]");
    const ticked = form.querySelector("[name=grant_scope]:checked");
    const lacking = form.hasAttribute("data-needs-choice") && !ticked;
    const off = lacking || !settled;
    if (!allow || allow.disabled === off) return;
    const focused = document.activeElement === allow;
    allow.disabled = off;
    if (!off && allow.dataset.refocus) allow.focus();
    allow.dataset.refocus = off && focused ? "1" : "";
  }

  function prepare() {
    document.querySelectorAll("[data-without-script]").forEach((element) => element.remove());
    document.querySelectorAll("form[data-guard]").forEach(guard);
    document.querySelectorAll("[data-show-password][hidden], [data-with-script][hidden]").forEach((element) => (element.hidden = false));
  }

  function settle() {
    settled = false;
    window.clearTimeout(timer);
    timer = window.setTimeout(() => {
      settled = true;
      prepare();
    }, SETTLE);
    prepare();
  }

  // The language has a form of its own. What was typed and ticked beside it comes back, once and on the same page; nothing secret is kept.
  const TYPED = "typed";
  const choices = () => document.querySelectorAll("main :is(#email, [type=checkbox][id], [type=radio][id])");
  const isTicked = (field) => field.type === "checkbox" || field.type === "radio";

  /** Of the page's address, which holds a challenge, no more than tells it from another. */
  function page() {
    const back = document.querySelector("form.language [name=back]")?.value ?? "";
    return [...back].reduce((sum, letter) => (sum * 31 + letter.charCodeAt(0)) | 0, 7);
  }

  function keepTyped() {
    const fields = [...choices()].map((field) => [field.id, isTicked(field) ? field.checked : field.value]);
    window.sessionStorage.setItem(TYPED, JSON.stringify({ page: page(), at: Date.now(), fields }));
  }

  function bringBack() {
    const kept = JSON.parse(window.sessionStorage.getItem(TYPED));
    window.sessionStorage.removeItem(TYPED);
    if (kept?.page !== page() || Date.now() - kept.at > 60000) return;
    const now = new Map([...choices()].map((field) => [field.id, field]));
    const changed = [];
    for (const [id, value] of kept.fields) {
      const field = now.get(id);
      if (!field || isTicked(field) !== (typeof value === "boolean")) continue;
      if (!isTicked(field)) field.value = value;
      else if (field.checked !== value) {
        field.checked = value;
        changed.push(field);
      }
    }
    window.addEventListener("load", () => changed.forEach((field) => field.dispatchEvent(new Event("change", { bubbles: true })))); // the summary follows
  }

  /** A browser may refuse to keep anything; then all is as without a script. */
  function attempt(step) {
    try {
      step();
    } catch {
      return;
    }
  }

  function start() {
    attempt(bringBack);
    settle();
    new MutationObserver(prepare).observe(document.body, { childList: true, subtree: true });
  }

  document.addEventListener("change", prepare);
  window.addEventListener("focus", settle);
  document.addEventListener("visibilitychange", () => document.hidden || settle());

  /** Show on the button that its form is under way; what comes next replaces it, or it did not work. */
  function busy(button, is) {
    if (!button) return;
    if (is) button.setAttribute("aria-busy", "true");
    else button.removeAttribute("aria-busy");
  }

  document.addEventListener("htmx:afterRequest", (event) => event.target.querySelectorAll("[aria-busy]").forEach((button) => busy(button, false)));

  // One decision per form: a second click while the first is under way is dropped. htmx drops its own (hx-sync).
  const sent = new WeakSet();
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (form.matches("form.language")) attempt(keepTyped);
    busy(event.submitter, form.getAttribute("method") === "post");
    if (event.defaultPrevented || form.getAttribute("method") !== "post") return;
    form.querySelectorAll("[data-mirrors]").forEach((field) => (field.disabled = !document.getElementById(field.dataset.mirrors)?.checked));
    if (sent.has(form)) event.preventDefault();
    else window.setTimeout(() => (sent.delete(form), busy(event.submitter, false)), 5000); // it was stopped, or answered with nothing
    sent.add(form);
  });
  window.addEventListener("pageshow", (event) => {
    if (event.persisted) window.location.reload(); // a form token or a challenge may be gone by now
  });

  document.addEventListener("keyup", (event) => {
    if (event.target.type !== "password" || !event.getModifierState) return;
    const hint = event.target.parentElement.querySelector("[data-caps-lock]");
    if (hint) hint.hidden = !event.getModifierState("CapsLock");
  });

  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-show-password]");
    const field = button && document.getElementById(button.dataset.showPassword);
    if (!field) return;
    const shown = field.type === "password";
    field.type = shown ? "text" : "password";
    button.setAttribute("aria-pressed", String(shown));
    field.focus();
  });

  // Say so when a request got no answer; htmx 2 and 4 have different names for it.
  const failed = (shown) => () => {
    const flash = document.getElementById("flash");
    if (flash) flash.hidden = !shown;
  };
  for (const name of ["htmx:sendError", "htmx:timeout", "htmx:error"]) {
    document.addEventListener(name, failed(true));
  }
  for (const name of ["htmx:beforeRequest", "htmx:before:request"]) {
    document.addEventListener(name, failed(false));
  }

  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", start);
  else start();
})();
