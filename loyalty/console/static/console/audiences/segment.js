// While a segment's conditions are filled in, say how many members they mean. The server counts.
window.addEventListener("DOMContentLoaded", () => {
  const panel = document.getElementById("meant");
  const form = document.getElementById("segment_form");
  if (!panel || !form || !form.querySelector("[name=name_zh]")) return;
  const count = document.getElementById("meant-count");
  const sentence = document.getElementById("meant-sentence");
  let waiting = null;
  let asked = 0;
  const look = async () => {
    const mine = ++asked;
    count.textContent = "…";
    try {
      const answer = await fetch(panel.dataset.count, { method: "POST", body: new FormData(form) });
      if (!answer.ok || mine !== asked) return;
      const { told, sentence: words } = await answer.json();
      count.textContent = told;
      if (words !== undefined) sentence.textContent = words;
    } catch { count.textContent = ""; }
  };
  form.addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(look, 500);
  });
  // What is begun with fills in conditions; the names that were typed go along.
  for (const link of document.querySelectorAll(".begin a")) {
    link.addEventListener("click", () => {
      const to = new URL(link.href);
      for (const name of ["name_zh", "name_en", "code"]) {
        const typed = form.elements[name]?.value;
        if (typed) to.searchParams.set(name, typed);
        else to.searchParams.delete(name);
      }
      link.href = to;
    });
  }
  look();
});
