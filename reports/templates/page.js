"use strict";
(() => {
  document.documentElement.classList.add("js");
  const box = document.getElementById("filters");
  if (!box) return;
  const pairs = [...document.querySelectorAll(".pair[data-tags]")];
  const fields = { tag: box.querySelector("[name=tag]"), judge: box.querySelector("[name=judge]"),
                   domain: box.querySelector("[name=domain]"), words: box.querySelector("[name=words]") };
  const count = document.getElementById("shown");
  const letters = { w: "win", l: "loss", t: "tie", f: "flip", i: "invalid" };  // of data-results, a judge a letter
  const judges = new Map([...fields.judge.options].map((option) => [option.textContent, option.value]));
  const CHUNK = 100;  // pairs in each packed part, where there are too many to write them out
  const packed = [...document.querySelectorAll("script[data-pairs]")];
  const parts = new Map();
  const texts = new Map();  // pair -> its text in small letters, read when words are first looked for

  const unpack = (number) => {
    if (!parts.has(number)) {
      const bytes = Uint8Array.from(atob(packed[number].textContent), (c) => c.charCodeAt(0));
      const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
      parts.set(number, new Response(stream).json());
    }
    return parts.get(number);
  };
  const bodyOf = async (pair) => (await unpack(Math.floor(pair.dataset.chunk / CHUNK)))[pair.dataset.chunk % CHUNK];
  const fill = async (pair) => {
    if (pair.dataset.chunk === undefined || pair.querySelector(".body")) return;
    const body = await bodyOf(pair);
    if (!pair.querySelector(".body")) pair.insertAdjacentHTML("beforeend", body);
  };
  const textOf = async (pair) => {
    if (!texts.has(pair)) {
      const holder = document.createElement("template");
      if (pair.dataset.chunk !== undefined) holder.innerHTML = await bodyOf(pair);
      texts.set(pair, (pair.textContent + holder.content.textContent).toLowerCase());
    }
    return texts.get(pair);
  };

  const fits = (pair, tag, judge, domain) => {
    const tags = pair.dataset.tags.split(" ");
    if (domain && pair.dataset.domain !== domain) return false;
    if (!judge) return !tag || tags.includes(tag);
    const said = letters[pair.dataset.results[judge]];
    if (said === undefined) return false;
    if (tag === "disagreement") return said !== pair.dataset.outcome;
    return !tag || said === tag || (tag === "identical" && tags.includes(tag));
  };

  let latest = 0;
  const apply = async () => {
    const mine = latest += 1;
    const [tag, judge, domain] = [fields.tag.value, fields.judge.value, fields.domain ? fields.domain.value : ""];
    const words = fields.words.value.trim().toLowerCase();
    let shown = 0;
    const fitting = [];
    for (const pair of pairs) {
      const fit = fits(pair, tag, judge, domain) && (!words || (await textOf(pair)).includes(words));
      if (mine !== latest) return;  // something else is asked for by now
      fitting.push(fit);
      shown += fit;
    }
    pairs.forEach((pair, i) => { pair.hidden = !fitting[i]; });
    count.textContent = `${shown} of ${pairs.length} pairs shown`;
  };

  let waiting;
  for (const field of Object.values(fields)) {
    if (field) field.addEventListener("input", () => { clearTimeout(waiting); waiting = setTimeout(apply, 120); });
  }
  box.querySelector("[name=clear]").addEventListener("click", () => {
    for (const field of Object.values(fields)) if (field) field.value = "";
    apply();
  });
  box.querySelector("[name=open]").addEventListener("click", () => {
    const shown = pairs.filter((pair) => !pair.hidden);
    const open = shown.some((pair) => !pair.open);
    for (const pair of shown.slice(0, 200)) pair.open = open;
  });
  for (const link of document.querySelectorAll("a[data-filter]")) {
    link.addEventListener("click", () => {
      for (const name of ["tag", "domain"]) if (fields[name]) fields[name].value = link.dataset[name] || "";
      fields.judge.value = judges.get(link.dataset.judge) || "";
      fields.words.value = "";
      apply();
    });
  }
  for (const pair of pairs) pair.addEventListener("toggle", () => { if (pair.open) fill(pair); });
  const follow = () => {
    const target = location.hash ? document.getElementById(decodeURIComponent(location.hash.slice(1))) : null;
    for (let at = target; at; at = at.parentElement) if (at.tagName === "DETAILS") { at.open = true; at.hidden = false; }
    if (target) target.scrollIntoView();
  };
  addEventListener("hashchange", follow);
  follow();
  apply();
  addEventListener("beforeprint", () => {
    for (const each of document.querySelectorAll("details.small")) each.open = true;
  });
})();
