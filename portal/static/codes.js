// Recovery codes: copied, saved or printed. Without a script they can be copied by hand.
"use strict";

(() => {
  function start() {
    const buttons = document.querySelector("[data-codes]");
    const list = document.getElementById("recovery-codes");
    if (!buttons || !list) return;
    const said = document.querySelector("[data-codes-said]");
    const words = buttons.dataset; // in the page's language
    const text = [...list.querySelectorAll("code")].map((code) => `${code.textContent}\n`).join("");

    buttons.hidden = false;
    buttons.querySelector("[data-codes-print]").addEventListener("click", () => window.print());
    buttons.querySelector("[data-codes-copy]").addEventListener("click", async () => {
      try {
        await navigator.clipboard.writeText(text);
        said.textContent = words.copied || "Copied.";
      } catch {
        said.textContent = words.notCopied || "The browser does not let this page copy. Select the codes instead.";
      }
    });
    buttons.querySelector("[data-codes-save]").addEventListener("click", () => {
      const link = document.createElement("a");
      link.href = URL.createObjectURL(new Blob([`${buttons.dataset.heading}\n\n${text}`], { type: "text/plain" }));
      link.download = "recovery-codes.txt";
      link.click();
      URL.revokeObjectURL(link.href);
      said.textContent = words.saved || "Saved. Keep the file where only you can read it.";
    });
  }

  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", start);
  else start();
})();
