// A single key goes to what has it as its access key: a link is followed, a button
// gets the focus, so that deciding takes Enter as well. j and k go down and up a list.
"use strict";
document.addEventListener("keydown", (event) => {
  const typing = /^(INPUT|TEXTAREA|SELECT)$/.test(event.target.tagName);
  if (event.target.tagName === "TEXTAREA" && event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
    event.target.form?.requestSubmit();
    return;
  }
  if (typing || event.ctrlKey || event.metaKey || event.altKey || event.key.length !== 1) return;
  if (event.key === "j" || event.key === "k") {
    const rows = [...document.querySelectorAll("ul.rows a")];
    const next = rows.indexOf(document.activeElement) + (event.key === "j" ? 1 : -1);
    rows[Math.max(next, 0)]?.focus();
    return;
  }
  const goal = document.querySelector(`[accesskey="${CSS.escape(event.key)}"]`);
  if (!goal) return;
  event.preventDefault();
  if (goal.tagName === "A") goal.click();
  else goal.focus();
  if (goal.tagName === "SUMMARY") {
    goal.parentElement.open = true;
    goal.parentElement.querySelector("input[name=reason]")?.focus();
  }
});

// What is typed into the search is looked for as soon as the fingers rest. The answer is
// the page that the button would lead to; only its hits are taken over.
const search = document.querySelector("form.search[method=get]");
if (search) {
  let waiting, asked = 0;
  const look = async () => {
    const own = ++asked;
    const words = new URLSearchParams(new FormData(search));
    const answer = await fetch(`${location.pathname}?${words}`).catch(() => null);
    if (!answer?.ok || own !== asked) return;
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const hits = page.querySelector("ul.hits");
    if (hits && own === asked) document.querySelector("ul.hits").replaceWith(hits);
  };
  search.addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(look, 250);
  });
}
