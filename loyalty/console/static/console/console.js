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

// Jobs that run, in the list and on their own page: how far each has come; the page anew when one goes on or ends.
window.addEventListener("DOMContentLoaded", () => {
  const shown = document.querySelectorAll("[data-running]");
  if (!shown.length) return;
  // What somebody has begun to type is not taken from under their hands.
  const typed = () => [...document.querySelectorAll("input")].some((field) => field.value !== field.defaultValue);
  const look = async () => {
    try {
      const answer = await fetch(window.location.href);
      if (answer.ok && !answer.redirected) {
        const page = new DOMParser().parseFromString(await answer.text(), "text/html");
        for (const steps of shown) {
          const now = page.getElementById(steps.id);
          if (now?.dataset.running === steps.dataset.running) steps.textContent = now.textContent;
          else if (!typed()) { window.location.reload(); return; }
        }
      }
    } catch { /* the server is away for a moment: ask again */ }
    setTimeout(look, 3000);
  };
  setTimeout(look, 1500);
});

// What was typed as 2026-11-28 9:30, 2026/11/28 09:30 or 2026年11月28日 09:30, as the browser writes it; else as it is.
window.plainMoment = (text) => {
  const found = text.trim().match(/^(\d{4})[-/.年](\d{1,2})[-/.月](\d{1,2})日?(?:[T\s]+(\d{1,2})[:：](\d{2})(:\d{2})?)?$/);
  if (!found) return text.trim();
  const [, year, month, day, hour, minute, second] = found;
  const date = `${year}-${month.padStart(2, "0")}-${day.padStart(2, "0")}`;
  return hour ? `${date}T${hour.padStart(2, "0")}:${minute}${second ?? ""}` : date;
};

// What each of the browser's own fields takes.
const FULL = {
  date: /^\d{4}-\d\d-\d\d$/,
  "datetime-local": /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d)?$/,
  time: /^\d\d:\d\d(:\d\d)?$/,
};

// Days and times are fields of text, written the same in every language; the button opens the browser's own calendar.
window.withCalendar = (field) => {
  const native = document.createElement("input");
  if (typeof native.showPicker !== "function" || field.closest(".pick")) return;
  const place = document.createElement("span");
  const button = document.createElement("button");
  const icon = document.createElement("span");
  place.className = "pick";
  icon.className = "material-symbols-outlined";
  icon.textContent = field.dataset.pick === "time" ? "schedule" : "calendar_month";
  icon.setAttribute("aria-hidden", "true");
  button.type = "button";
  button.title = field.dataset.pickWords;
  button.setAttribute("aria-label", field.dataset.pickWords);
  button.append(icon);
  native.type = field.dataset.pick;
  native.max = field.dataset.pickMax ?? "";
  native.tabIndex = -1;
  native.setAttribute("aria-hidden", "true");
  button.addEventListener("click", () => {
    const known = window.plainMoment(field.value);
    native.value = FULL[field.dataset.pick].test(known) ? known : "";
    native.showPicker();
  });
  native.addEventListener("input", () => {
    field.value = native.value.replace("T", " ");
    for (const kind of ["input", "change"]) field.dispatchEvent(new Event(kind, { bubbles: true }));
  });
  field.replaceWith(place);
  place.append(field, native, button);
  button.disabled = native.disabled = field.disabled;
};
window.addEventListener("DOMContentLoaded", () => {
  for (const field of document.querySelectorAll("input[data-pick]")) window.withCalendar(field);
});

// A form that was refused begins at its first fault.
window.addEventListener("DOMContentLoaded", () => {
  const summary = document.querySelector(".faults");
  if (!summary) return;
  // The page's own order counts; what holds several boxes is marked as a whole.
  const named = [...summary.querySelectorAll("a[href^='#']")].map((each) => each.getAttribute("href"));
  const faulty = [...document.querySelectorAll(["form [aria-invalid=true]", ...named].join(", "))];
  const boxes = "input:not([type=hidden]), select, textarea";
  const typed = faulty.map((each) => (each.matches(boxes) ? each : each.querySelector(boxes))).find(Boolean);
  (typed ?? summary).focus();
});
