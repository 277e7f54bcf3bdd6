// Sends a large file in pieces, and goes on where it was after a broken connection. Small files go by the plain form.
"use strict";
(() => {
  const PIECE = 8 * 1024 * 1024, LONGEST_WAIT = 30000, TRIES = 40;
  const form = document.querySelector("form[data-pieces]");
  if (!form || !window.fetch || !window.Blob) return;
  const part = (id) => document.getElementById(id);
  const token = () => form.elements.csrfmiddlewaretoken.value;
  const pause = (ms) => new Promise((done) => { setTimeout(done, ms); });
  const megabytes = (bytes) => (bytes / 1048576).toFixed(bytes < 104857600 ? 1 : 0) + " MB";
  let going = null; // {address, stopped}

  const say = (words, wrong) => {
    part("sending").hidden = false;
    part("sending-words").textContent = words;
    part("sending-words").classList.toggle("bad", Boolean(wrong));
  };

  const ask = async (method, address, body, headers) => {
    const json = body !== undefined && !(body instanceof Blob);
    const sent = { Accept: "application/json", "X-CSRFToken": token(), ...headers };
    if (json) sent["Content-Type"] = "application/json";
    const answer = await fetch(address, { method, headers: sent, body: json ? JSON.stringify(body) : body, credentials: "same-origin" });
    const text = await answer.text();
    let told = {};
    try { told = text ? JSON.parse(text) : {}; } catch { told = { detail: "The server answered " + answer.status + "." }; }
    return { status: answer.status, told, offset: Number(answer.headers.get("Upload-Offset")) };
  };

  const refuse = (told) => { throw Object.assign(new Error(told.detail || "It was refused."), { refused: true }); };

  const checksum = async (piece) => {
    if (!window.crypto?.subtle) return {}; // a page that came over plain HTTP from another machine
    const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", await piece.arrayBuffer()));
    return { "Upload-Checksum": "sha256 " + btoa(String.fromCharCode(...digest)) };
  };

  const options = () => {
    const stated = {};
    for (const [name, value] of new FormData(form)) {
      if (!["file", "name", "preview", "csrfmiddlewaretoken"].includes(name) && value !== "") stated[name] = value;
    }
    return stated;
  };

  const begin = async (file) => {
    const dataset = form.elements.name.value.trim().toLowerCase().replace(/[^a-z0-9_-]+/g, "-").replace(/^[-_]+|[-_]+$/g, "").slice(0, 60);
    if (!dataset) refuse({ detail: "A dataset needs a name of letters or digits." });
    const stated = { ...options(), preview: form.elements.preview.checked };
    const mark = "upload " + form.dataset.pieces + [dataset, file.name, file.size, file.lastModified, JSON.stringify(stated)].join("|");
    const known = localStorage.getItem(mark);
    if (known) {
      const was = await ask("GET", known);
      if (was.status === 200) return { address: known, offset: was.told.offset, mark };
      localStorage.removeItem(mark);
    }
    const made = await ask("POST", form.dataset.pieces + "datasets/" + dataset + "/resumable/", { ...stated, file_name: file.name, size: file.size });
    if (made.status !== 201) refuse(made.told);
    localStorage.setItem(mark, made.told.url);
    return { address: made.told.url, offset: 0, mark };
  };

  const sendOne = async (file, offset) => {
    const piece = file.slice(offset, offset + PIECE);
    const headers = { "Content-Type": "application/offset+octet-stream", "Upload-Offset": String(offset), ...await checksum(piece) };
    const answer = await ask("PATCH", going.address, piece, headers);
    if (answer.status === 204) return answer.offset;
    if (answer.status === 409 && answer.told.code === "wrong_offset") return answer.told.offset;
    const again = answer.status >= 500 && answer.status !== 507;
    if (again || [429, 460].includes(answer.status) || answer.told.code === "busy") throw new Error(answer.told.detail);
    return refuse(answer.told);
  };

  const patiently = async (work, words) => {
    for (let tries = 1; ; tries += 1) {
      try {
        return await work();
      } catch (error) {
        if (error.refused || tries >= TRIES || going?.stopped) throw error;
        say(words + " The connection broke; trying again by itself.");
        await pause(Math.min(LONGEST_WAIT, 500 * 2 ** Math.min(tries, 6)));
      }
    }
  };

  const send = async (file) => {
    say("Beginning…");
    going = { stopped: false };
    Object.assign(going, await patiently(() => begin(file), "Beginning."));
    let offset = going.offset;
    while (offset < file.size) {
      if (going.stopped) return;
      const words = megabytes(offset) + " of " + megabytes(file.size) + " sent.";
      say(words);
      part("sending-bar").value = offset / file.size;
      offset = await patiently(() => sendOne(file, offset), words);
    }
    if (going.stopped) return;
    part("sending-bar").value = 1;
    say("All of it is sent; checking.");
    const done = await patiently(async () => {
      const answer = await ask("POST", going.address + "finish/", {});
      if (answer.status >= 500 || answer.told.code === "busy") throw new Error(answer.told.detail);
      return answer;
    }, "All of it is sent.");
    localStorage.removeItem(going.mark);
    if (done.status !== 202) refuse(done.told);
    location.assign(done.told.page);
  };

  const button = form.querySelector("button[type=submit]");
  form.addEventListener("submit", (event) => {
    const file = form.elements.file.files[0];
    if (!file || file.size <= PIECE) return;
    event.preventDefault();
    if (going && !going.stopped) return;
    button.disabled = true;
    part("sending-stop").hidden = false;
    if (file.size > Number(form.dataset.limit)) {
      say("The file has " + megabytes(file.size) + "; at most " + megabytes(Number(form.dataset.limit)) + " can be uploaded. Nothing was sent.", true);
      button.disabled = false;
      part("sending-stop").hidden = true;
      return;
    }
    send(file).catch((error) => {
      if (!going?.stopped) say(error.message + (error.refused ? "" : " What was sent is kept; press the button to go on."), true);
    }).finally(() => { button.disabled = false; going = null; });
  });
  part("sending-stop").addEventListener("click", async () => {
    if (!going) return;
    going.stopped = true;
    const { address, mark } = going;
    if (mark) localStorage.removeItem(mark);
    if (address) await ask("DELETE", address).catch(() => null);
    part("sending-bar").value = 0;
    part("sending-stop").hidden = true;
    say("Stopped. Nothing of it was kept.");
  });
})();
