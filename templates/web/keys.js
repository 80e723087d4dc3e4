// A single key goes to what has it as its access key: a link is followed, a button
// gets the focus, so that deciding takes Enter as well.
"use strict";
document.addEventListener("keydown", (event) => {
  const typing = /^(INPUT|TEXTAREA|SELECT)$/.test(event.target.tagName);
  if (typing || event.ctrlKey || event.metaKey || event.altKey || event.key.length !== 1) return;
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
