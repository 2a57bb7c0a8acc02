// Column heads of number columns stand over their numbers: the cells know that they are numbers, the heads do not.
window.addEventListener("DOMContentLoaded", () => {
  const list = document.getElementById("result_list");
  if (!list) return;
  const row = list.querySelector("tbody tr.data-row");
  const heads = list.querySelectorAll("thead th");
  if (!row) return;
  [...row.children].forEach((cell, index) => {
    if (cell.querySelector(":scope > .num") && heads[index]) heads[index].classList.add("numeric-head");
  });
});
