// Passkeys (WebAuthn): makes or proves one for the form around [data-passkey], then sends that form.
"use strict";

(() => {
  // What to say is on the page, in its language: data-unsupported and so on.
  const PROBLEMS = {
    NotAllowedError: "cancelled",
    InvalidStateError: "known",
    SecurityError: "elsewhere",
    NotSupportedError: "unfit",
    ConstraintError: "unfit",
  };
  let waiting = null; // what stops the request that the browser keeps open beside a field

  function supported() {
    const known = window.PublicKeyCredential;
    return Boolean(known && known.parseCreationOptionsFromJSON && known.parseRequestOptionsFromJSON && known.prototype.toJSON);
  }

  function say(place, text) {
    const problem = place.querySelector("[data-passkey-problem]");
    problem.textContent = text;
    problem.hidden = !text;
    if (text) problem.focus();
  }

  /** Ask the browser. The challenge is the form's token, without its padding. */
  async function ask(place, more) {
    const options = JSON.parse(place.dataset.options);
    const form = place.closest("form");
    options.challenge = form.elements.form_token.value.replace(/=+$/, "");
    const creates = place.dataset.passkey === "create";
    const publicKey = creates
      ? PublicKeyCredential.parseCreationOptionsFromJSON(options)
      : PublicKeyCredential.parseRequestOptionsFromJSON(options);
    const request = { publicKey, ...more };
    const made = await (creates ? navigator.credentials.create(request) : navigator.credentials.get(request));
    form.elements.credential.value = JSON.stringify(made.toJSON());
    form.requestSubmit(place.querySelector("button[type=submit]"));
  }

  async function onSubmit(event) {
    const form = event.target;
    const place = form.querySelector("[data-passkey]");
    const ours = place && (!event.submitter || place.contains(event.submitter));
    if (!ours || form.elements.credential.value) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    if (!supported()) return say(place, place.dataset.unsupported);
    if (place.dataset.busy) return undefined;
    place.dataset.busy = "1";
    say(place, "");
    if (waiting) waiting.abort();
    try {
      await ask(place, {});
    } catch (error) {
      say(place, place.dataset[PROBLEMS[error.name]] || place.dataset.failed);
    }
    delete place.dataset.busy;
    return undefined;
  }

  /** Passkeys among what the browser offers to fill in, where the page wants that. */
  async function offer() {
    const place = document.querySelector("[data-passkey=get][data-conditional]");
    if (!place || !supported() || !PublicKeyCredential.isConditionalMediationAvailable) return;
    if (!(await PublicKeyCredential.isConditionalMediationAvailable())) return;
    waiting = new AbortController();
    ask(place, { mediation: "conditional", signal: waiting.signal }).catch(() => {}); // nobody asked for it
  }

  document.addEventListener("submit", onSubmit, true); // before anything else sends the form
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", offer);
  else offer();
})();
