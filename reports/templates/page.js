"use strict";
(() => {
  document.documentElement.classList.add("js");
  const box = document.getElementById("filters");
  if (!box) return;
  const pairs = [...document.querySelectorAll(".pair[data-tags]")];
  const fields = { tag: box.querySelector("[name=tag]"), judge: box.querySelector("[name=judge]"),
                   domain: box.querySelector("[name=domain]"), words: box.querySelector("[name=words]") };
  const count = document.getElementById("shown");
  const results = new Map();  // pair -> { judge: result }, read when first needed

  const resultsOf = (pair) => {
    if (!results.has(pair)) {
      const rows = [...pair.querySelectorAll("tr[data-judge]")];
      results.set(pair, Object.fromEntries(rows.map((row) => [row.dataset.judge, row.dataset.result])));
    }
    return results.get(pair);
  };

  const fits = (pair, tag, judge, domain, words) => {
    const tags = pair.dataset.tags.split(" ");
    if (domain && pair.dataset.domain !== domain) return false;
    if (words && !pair.textContent.toLowerCase().includes(words)) return false;
    if (!judge) return !tag || tags.includes(tag);
    const said = resultsOf(pair)[judge];
    if (said === undefined) return false;
    if (tag === "disagreement") return said !== pair.dataset.outcome;
    return !tag || said === tag || (tag === "identical" && tags.includes(tag));
  };

  const apply = () => {
    const [tag, judge, domain] = [fields.tag.value, fields.judge.value, fields.domain ? fields.domain.value : ""];
    const words = fields.words.value.trim().toLowerCase();
    let shown = 0;
    for (const pair of pairs) {
      const fit = fits(pair, tag, judge, domain, words);
      pair.hidden = !fit;
      shown += fit;
    }
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
      for (const name of ["tag", "judge", "domain"]) if (fields[name]) fields[name].value = link.dataset[name] || "";
      fields.words.value = "";
      apply();
    });
  }
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
