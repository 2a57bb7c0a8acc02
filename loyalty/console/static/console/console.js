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

// Nobody chose the order that a list begins with: its arrows come with the first choice.
window.addEventListener("DOMContentLoaded", () => {
  const chosen = new URLSearchParams(window.location.search).has("o");
  if (!chosen) document.getElementById("result_list")?.classList.add("unsorted");
});

// A field that another one's choice makes pointless is out of the way: data-needs="kind=exchange_day other".
window.addEventListener("DOMContentLoaded", () => {
  for (const field of document.querySelectorAll("[data-needs]")) {
    const [name, wanted] = field.dataset.needs.split("=");
    const choices = [...document.getElementsByName(name)];
    const place = field.closest(".field-line, .policy-fields > div") ?? field.closest(".group");
    if (!place || !choices.length) continue;
    const faulty = Boolean(place.querySelector(".errorlist, .errors, .text-red-600")) || place.classList.contains("errors");
    const fit = () => {
      const chosen = choices.length > 1 ? choices.find((each) => each.checked)?.value : choices[0].value;
      place.classList.toggle("choice-hidden", !faulty && !wanted.split(" ").includes(chosen ?? ""));
    };
    for (const choice of choices) choice.addEventListener("change", () => { fit(); close(); });
    fit();
  }
  close();
});

// A row of which nothing is left to fill in is closed, and a part of which no row is left.
function close() {
  const gone = (each) => each.classList.contains("choice-hidden");
  const empty = (line) => gone(line) || !line.querySelector("input, select, textarea, .readonly");
  for (const row of document.querySelectorAll(".form-row")) {
    const lines = [...row.querySelectorAll(".field-line")];
    row.classList.toggle("choice-hidden", lines.some(gone) && lines.every(empty));
  }
  for (const part of document.querySelectorAll("fieldset.module")) {
    const rows = [...part.querySelectorAll(".form-row")];
    part.classList.toggle("choice-hidden", rows.length > 0 && rows.every(gone));
  }
}

// While points are typed, say what the member will have afterwards. The server reckons by itself.
window.addEventListener("DOMContentLoaded", () => {
  const numbers = document.getElementById("preview-numbers");
  const field = document.getElementById("id_points");
  const told = document.querySelector(".preview");
  if (!numbers || !field || !told) return;
  const { available, debt, limit, left, sign } = JSON.parse(numbers.textContent);
  const written = (value) => new Intl.NumberFormat(document.documentElement.lang).format(value);
  const tell = () => {
    const typed = left === undefined ? Number(field.value) : sign * Number(field.value || left);
    told.hidden = !Number.isInteger(typed) || typed === 0;
    const repaid = Math.max(0, Math.min(debt, typed));
    const after = available + typed - repaid;
    // A reversal that finds too little leaves a debt; an adjustment is refused.
    const owed = debt - repaid + (left === undefined ? 0 : Math.max(0, -after));
    const lines = [];
    if (after < 0 && left === undefined) lines.push(told.dataset.short);
    else lines.push((owed ? told.dataset.owed : told.dataset.after)
      .replace("{available}", written(Math.max(0, after))).replace("{debt}", written(owed)));
    if (limit !== null && Math.abs(typed) > limit) lines.push(told.dataset.second);
    told.textContent = lines.join(" ");
  };
  field.addEventListener("input", tell);
  tell();
});

// A simulation that runs: how far it has come, until it is over; then its page shows what it found.
window.addEventListener("DOMContentLoaded", () => {
  const panel = document.getElementById("simulation-progress");
  if (!panel) return;
  const written = (value) => new Intl.NumberFormat(document.documentElement.lang).format(value);
  const look = async () => {
    try {
      const answer = await fetch(panel.dataset.state, { headers: { Accept: "application/json" } });
      if (answer.ok) {
        const { over, percent, done, total } = await answer.json();
        if (over) { window.location.reload(); return; }
        panel.querySelector("progress").value = percent;
        panel.querySelector(".done").textContent = written(done);
        panel.querySelector(".total").textContent = written(total);
      }
    } catch { /* the server is away for a moment: ask again */ }
    setTimeout(look, 1500);
  };
  setTimeout(look, 700);
});
