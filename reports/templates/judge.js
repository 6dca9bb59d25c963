"use strict";
(() => {
  const at = (id) => document.getElementById(id);
  const buttons = [...document.querySelectorAll("button[data-choice]")];
  const keys = { a: "A", b: "B", t: "tie", x: "both_bad", s: "skip" };
  let state = null;
  let busy = true;
  let since = 0;  // when this pair came on the screen; time away from the page does not count
  let spent = 0;

  const plural = (n) => (n === 1 ? "One of them was skipped." : `${n} of them were skipped.`);

  // What was typed and not yet sent outlives a reload: kept by the tab, until the vote counts.
  const draft = (pair, text) => {
    const name = `${location.pathname} ${pair}`;
    try {
      if (text === undefined) return sessionStorage.getItem(name);
      if (text === null) sessionStorage.removeItem(name);
      else sessionStorage.setItem(name, text);
    } catch { /* a browser may be told to keep nothing */ }
    return null;
  };

  const show = (now, focus) => {
    const changed = !state || !now.pair || !state.pair || now.pair.id !== state.pair.id;
    state = now;
    at("bar").max = Math.max(1, now.total);
    at("bar").value = now.done;
    at("count").textContent = `${now.done} of ${now.total}` + (now.skipped ? `, ${now.skipped} skipped` : "");
    at("pair").hidden = !now.pair;
    at("end").hidden = Boolean(now.pair);
    for (const button of buttons) button.disabled = !now.pair;
    at("undo").disabled = now.done === 0;
    at("skipped").hidden = !now.skipped;
    at("how-many").textContent = plural(now.skipped);
    at("ended").textContent = now.skipped ? "You have seen every pair." : "That was the last one. Thank you.";
    if (!changed) return;
    if (now.pair) {
      for (const [id, text] of [["prompt", now.pair.prompt], ["a", now.pair.A], ["b", now.pair.B]]) {
        at(id).textContent = text;
        at(id).scrollTop = 0;
      }
      at("reference").hidden = !now.pair.reference;
      at("reference-text").textContent = now.pair.reference || "";
      const before = now.before || { reason: "" };
      at("reason").value = draft(now.pair.id) ?? before.reason;
      at("before").hidden = !before.choice;
      const was = buttons.find((button) => button.dataset.choice === before.choice);
      at("before").textContent = was ? `Before, you chose: ${was.firstChild.data.trim()}.` : "";
    }
    scrollTo(0, 0);
    if (focus) (now.pair ? at("ask") : at("end").querySelector("h1")).focus({ preventScroll: true });
    since = performance.now();
    spent = 0;
    document.body.dataset.pair = now.pair ? now.pair.id : "";
  };

  const wait = (ms) => new Promise((done) => setTimeout(done, ms));

  // A vote that could not be sent is sent again until the server answers; the server counts it once.
  const ask = async (what, body) => {
    const request = body === undefined ? {} : { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) };
    for (let tried = 0; ; tried += 1) {
      try {
        const answer = await fetch(what, { cache: "no-store", ...request });
        if (answer.ok) {
          const now = await answer.json();
          at("trouble").textContent = "This page had fallen behind another tab or window, and what you pressed does not count. It now shows how far you are.";
          at("trouble").hidden = now.counts !== false;
          return now;
        }
        at("trouble").textContent = await answer.text();
        at("trouble").hidden = false;
        return null;
      } catch {
        if (tried > 0) {
          at("trouble").textContent = "The server does not answer. What you chose is kept here and sent as soon as it does; leave this page open.";
          at("trouble").hidden = false;
        }
        await wait(tried === 0 ? 200 : 1000);
      }
    }
  };

  const act = async (what, body) => {
    if (busy) return;
    busy = true;
    document.body.setAttribute("aria-busy", "true");
    const now = await ask(what, body);
    if (now && what === "vote" && now.counts) draft(body.pair, null);
    if (now) show(now, true);
    document.body.removeAttribute("aria-busy");
    await wait(120);  // a key pressed twice must not vote on what nobody has read
    busy = false;
  };

  const vote = (choice) => {
    if (!state || !state.pair) return;
    const seconds = Math.round(spent + (document.hidden ? 0 : performance.now() - since)) / 1000;
    act("vote", { pair: state.pair.id, choice, reason: at("reason").value, seconds });
  };
  const undo = () => { if (state && state.last) act("undo", { pair: state.last }); };
  const again = () => act("skipped", {});

  // By its letter; on a keyboard of another script by its place, where the Latin letter would be.
  const letter = (event) => {
    const foreign = /[\p{L}\p{M}]/u.test(event.key) && !/\p{Script=Latin}/u.test(event.key);
    return (foreign && /^Key[A-Z]$/.test(event.code) ? event.code[3] : event.key).toLowerCase();
  };

  for (const button of buttons) button.addEventListener("click", () => vote(button.dataset.choice));
  at("undo").addEventListener("click", undo);
  at("again").addEventListener("click", again);
  at("reason").addEventListener("input", () => { if (state && state.pair) draft(state.pair.id, at("reason").value); });
  addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
    if (event.target === at("reason")) {
      if (event.key === "Escape") at("reason").blur();
      return;
    }
    const key = letter(event);
    if (key === "s" && state && !state.pair && state.skipped) again();
    else if (key in keys) vote(keys[key]);
    else if (key === "u") undo();
    else if (key === "r" && state && state.pair) at("reason").focus();
    else if (key === "h" && at("rubric")) at("rubric").open = !at("rubric").open;
    else return;
    event.preventDefault();
  });
  addEventListener("visibilitychange", () => {
    if (document.hidden) spent += performance.now() - since;
    else since = performance.now();
  });

  ask("state").then((now) => { if (now) show(now, false); busy = false; });
})();
