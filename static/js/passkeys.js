// Passkeys: asks the server for a challenge, the browser for the answer, and sends the form with it.
(() => {
  const note = (text) => {
    const place = document.getElementById("passkey-note");
    if (place) { place.textContent = text; place.hidden = !text; }
  };
  const usable = window.PublicKeyCredential && PublicKeyCredential.parseRequestOptionsFromJSON;
  document.querySelectorAll("[data-passkey]").forEach((button) => {
    if (!usable) { button.disabled = true; note("This browser does not know passkeys. Use a code."); return; }
    button.addEventListener("click", async () => {
      note("");
      button.disabled = true;
      const form = button.closest("form");
      const token = form.querySelector("[name=csrfmiddlewaretoken]").value;
      try {
        const answer = await fetch(button.dataset.options, { method: "POST", headers: { "X-CSRFToken": token } });
        if (!(answer.headers.get("Content-Type") || "").includes("json")) {
          note("Show first that it is you: reload the page, or sign in again.");
          return;
        }
        const { publicKey } = await answer.json();
        const made = button.dataset.passkey === "create"
          ? await navigator.credentials.create({ publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(publicKey) })
          : await navigator.credentials.get({ publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(publicKey) });
        document.getElementById(button.dataset.into).value = JSON.stringify(made);
        form.submit();
      } catch {
        note("The passkey was not used. Try again, or take a code.");
      } finally {
        button.disabled = false;
      }
    });
  });
})();
