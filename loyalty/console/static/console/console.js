// Heads of number columns stand over their numbers: the cells know that they are numbers, the heads do not.
window.addEventListener("DOMContentLoaded", () => {
  for (const table of document.querySelectorAll("#result_list, .inline-related table")) {
    const heads = table.querySelectorAll("thead th");
    for (const row of table.querySelectorAll("tbody tr.data-row, tbody tr.form-row")) {
      [...row.children].forEach((cell, index) => {
        if (cell.querySelector(".num") && heads[index]) heads[index].classList.add("numeric-head");
      });
    }
  }
});
