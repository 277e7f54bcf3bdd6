// The product's small script: dialogs, copying, focus after a swap, polling that rests in hidden tabs.
"use strict";
(() => {
  document.documentElement.classList.add("scripted");
  const say = (text) => { document.getElementById("status").textContent = text; };
  const copy = async (source) => {
    const text = source.value || source.textContent.trim();
    try {
      await navigator.clipboard.writeText(text); // absent where the page came over plain HTTP from another machine
      say("Copied.");
      return true;
    } catch {
      getSelection().selectAllChildren(source);
      say("Selected. Copy it with the keyboard.");
      return false;
    }
  };
  document.addEventListener("click", (event) => {
    const opener = event.target.closest("[data-opens]");
    if (opener) {
      event.preventDefault();
      document.getElementById(opener.dataset.opens).showModal();
    }
    const closer = event.target.closest("[data-closes]");
    if (closer) closer.closest("dialog").close();
    const copier = event.target.closest("[data-copies]");
    if (copier) {
      copy(document.getElementById(copier.dataset.copies)).then((done) => {
        if (!done || copier.dataset.said) return;
        const label = copier.lastChild;
        copier.dataset.said = label.textContent;
        label.textContent = "Copied";
        setTimeout(() => { label.textContent = copier.dataset.said; delete copier.dataset.said; }, 2000);
      });
    }
    document.querySelectorAll("details.menu[open]").forEach((menu) => {
      if (!menu.contains(event.target)) menu.open = false;
    });
  });
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    document.querySelectorAll("details.menu[open]").forEach((menu) => {
      menu.open = false;
      menu.querySelector("summary").focus();
    });
  });
  document.addEventListener("htmx:beforeRequest", (event) => {
    if (document.hidden && event.detail.requestConfig.triggeringEvent?.type !== "submit" && event.detail.elt.hasAttribute("data-live")) event.preventDefault();
  });
  document.addEventListener("htmx:beforeSwap", (event) => {
    if ([400, 403, 404, 409, 410, 413, 422, 429].includes(event.detail.xhr.status)) event.detail.shouldSwap = true;
  });
  let focused = null;
  document.addEventListener("htmx:beforeSwap", () => { focused = document.activeElement?.id || null; });
  document.addEventListener("htmx:afterSettle", () => {
    if (focused && document.activeElement === document.body) document.getElementById(focused)?.focus();
  });
})();
