// The rule builder: puts the parts together, writes the JSON that is saved, and asks the server for the sentence, the
// faults and the sample's points. What the form cannot show whole is left to the JSON, and said so.
(() => {
  const RB = window.RuleBuilder;
  const { el } = RB;
  const PAUSE_MS = 350;

  RB.Unshown = class extends Error {
    constructor(place, why = "") {
      super(place);
      this.why = why;
    }
  };

  const section = (key, ...parts) => {
    const help = RB.words.help[key === "when" || key === "caps" ? key : ""];
    return el("section", { class: "panel rb-section", id: `rb-${key}` },
      el("div", { class: "panel-head" }, el("h2", {}, RB.words.section[key])),
      el("div", { class: "rb-inside" }, help && el("p", { class: "rb-help" }, help), ...parts.map((part) => part.el)));
  };

  // The form of a body: {el, read(path)}. Throws Unshown for what it has no fields for.
  RB.form = (body) => {
    RB.hadWhen = "when" in body;
    const trigger = RB.triggerPart(body.trigger);
    RB.trigger = trigger.value;
    const code = RB.text("code", body.code, { readonly: RB.known.existing, pattern: RB.known.code_pattern });
    const node = RB.node(body.when ?? {});
    const when = { el: el("div", {}, node.el, el("p", { class: "rb-error", hidden: true })), read: (path) => {
      when.el.dataset.pointer = path;
      return node.read(path);
    } };
    const to = RB.receiver(body.to);
    const parts = {
      code, name: RB.name(body.name), description: RB.text("description", body.description, { multiline: true, wide: true }),
      trigger, when, schedule: RB.schedule(body.schedule), effect: RB.effect(body.effect), to,
      stacking: RB.stacking(body.stacking), priority: RB.number("priority", body.priority), caps: RB.caps(body.caps),
      points: RB.points(body.points), audience: RB.audience(body.audience), cost_centre: RB.text("cost_centre", body.cost_centre, { values: RB.known.choices.cost_centre ?? [] }),
    };
    const whole = RB.object(body, Object.entries(parts));
    const fit = () => {
      const value = trigger.value();
      to.el.hidden = !value.startsWith("referral.") && ["", "member"].includes(to.input.value);
    };
    trigger.select.addEventListener("change", fit);
    fit();
    const shown = el("div", { class: "rb-form" },
      section("basics", code, parts.name, parts.description),
      section("trigger", trigger, to),
      section("when", when),
      section("effect", parts.effect),
      section("schedule", parts.schedule),
      section("caps", parts.caps),
      section("points", parts.points),
      section("stacking", parts.stacking, parts.priority),
      section("audience", parts.audience, parts.cost_centre));
    return { el: shown, read: () => whole.read("") ?? {}, trigger };
  };

  // Form and JSON the same? The pointer of the first difference, "" for none. For tests and for opening.
  RB.roundTrip = (body) => {
    try {
      return RB.difference(body, JSON.parse(JSON.stringify(RB.form(body).read())));
    } catch (error) {
      if (error instanceof RB.Unshown) return error.why ? RB.words.say.too_deep : error.message;
      throw error;
    }
  };

  const faultBox = (pointer, root) => {
    let best = null;
    for (const box of root.querySelectorAll("[data-pointer]")) {
      const own = box.dataset.pointer;
      const fits = own === pointer || own === "" || pointer.startsWith(`${own}/`);
      if (fits && !box.closest("[hidden]") && (!best || own.length >= best.dataset.pointer.length)) best = box;
    }
    return best;
  };

  RB.start = () => {
    const data = document.getElementById("rule-builder-data");
    const area = document.getElementById("id_body");
    const place = document.getElementById("rule-builder");
    if (!data || !area || !place) return;
    RB.known = JSON.parse(data.textContent);
    RB.words = RB.known.words;
    RB.zone = RB.known.timezone;
    const { say } = RB.words;

    const note = el("div", { class: "rb-note", role: "status", hidden: true });
    const top = el("div", { class: "rb-faults", role: "alert", hidden: true });
    const holder = el("div");
    const sentence = el("p", { class: "sentence", id: "rb-sentence", "aria-live": "polite" });
    const verdicts = el("div", { id: "rb-preview", "aria-live": "polite" });
    const sample = RB.samplePart(RB.known.sample);
    const side = el("aside", { class: "rb-side" },
      el("section", { class: "panel" }, el("div", { class: "panel-head" }, el("h2", {}, say.sentence)), sentence),
      el("section", { class: "panel" }, el("div", { class: "panel-head" }, el("h2", {}, say.preview)), el("div", { class: "rb-inside" }, verdicts, sample.el, el("p", { class: "rb-help" }, say.unsaved))));
    const expert = el("details", { class: "panel rb-expert" }, el("summary", {}, RB.words.section.expert), el("p", { class: "rb-help" }, RB.words.help.expert));
    const fieldset = area.closest("fieldset") ?? area.parentElement;
    const module = area.closest(".module") ?? fieldset;
    place.append(note, top, el("div", { class: "rb-columns" }, el("div", { class: "rb-main" }, holder, expert), side));
    // The JSON stays in the page's own form, below the builder's fields.
    const keeper = el("div", { class: "rb-json" });
    keeper.append(area);
    expert.append(keeper);
    module.hidden = true;

    const touched = new Set(RB.known.errors.length ? ["/code", "/name"] : []);
    let form = null;
    let byHand = false;

    const body = () => {
      if (form && !byHand) return form.read();
      return JSON.parse(area.value);
    };
    const write = () => {
      if (form && !byHand) area.value = JSON.stringify(form.read(), null, 2);
    };
    const open = (given) => {
      const place = RB.roundTrip(given);
      form = place ? null : RB.form(given);
      byHand = !form;
      holder.replaceChildren(...(form ? [form.el] : []));
      note.hidden = Boolean(form);
      note.textContent = form ? "" : say.expert_only.replace("{place}", place);
      if (!form) expert.open = true;
      if (form) form.read();
    };

    const clear = () => {
      for (const told of place.querySelectorAll(".rb-error")) told.hidden = true;
      for (const wrong of place.querySelectorAll("[aria-invalid]")) wrong.removeAttribute("aria-invalid");
      for (const wrong of place.querySelectorAll(".rb-wrong, .rb-odd")) wrong.classList.remove("rb-wrong", "rb-odd");
      top.replaceChildren();
      top.hidden = true;
    };
    const show = (faults, odd) => {
      for (let { pointer, detail } of faults) {
        const box = form && faultBox(pointer, holder);
        const told = box && [...box.querySelectorAll(".rb-error")].find((each) => each.closest("[data-pointer]") === box);
        if (told) {
          // What was typed is no time at all: the server's word for that speaks of what the form writes.
          if (box.dataset.said && box.dataset.pointer === pointer) detail = box.dataset.said;
          told.textContent = told.hidden ? detail : `${told.textContent} ${detail}`;
          told.hidden = false;
          box.classList.add(odd ? "rb-odd" : "rb-wrong");
          if (!odd) box.querySelector("input, select, textarea")?.setAttribute("aria-invalid", "true");
        } else {
          top.append(el("p", {}, pointer ? `${pointer}: ${detail}` : detail));
          top.hidden = false;
        }
      }
    };

    const written = (number) => new Intl.NumberFormat(document.documentElement.lang).format(number);
    const row = ({ name, rule, points, text }) =>
      el("tr", {}, el("td", {}, name || rule, el("span", { class: "sub" }, text)), el("td", { class: "n" }, written(points)));
    // A new rule has no name yet: that is said once somebody was there.
    const untouched = ({ pointer }) =>
      !RB.known.existing && ["/code", "/name"].some((part) => pointer.startsWith(part) && !touched.has(part));
    const tell = (told) => {
      clear();
      show((told.errors ?? []).filter((fault) => !untouched(fault)), false);
      show(told.warnings ?? [], true);
      sentence.textContent = told.text || say.not_yet;
      sample.error.hidden = !told.sample_errors;
      sample.error.textContent = (told.sample_errors ?? []).map(({ pointer, detail }) => (pointer ? `${pointer}: ${detail}` : detail)).join(" ");
      verdicts.replaceChildren();
      if (!told.preview) return;
      const { points, before, rules } = told.preview;
      verdicts.append(el("p", { class: "rb-total", "data-points": String(points) }, say.gives.replace("{points}", written(points)).replace("{before}", written(before))));
      verdicts.append(rules.length ? el("table", { class: "rows" }, el("tbody", {}, ...rules.map(row))) : el("p", { class: "rb-help" }, say.nothing));
    };

    let waiting = null;
    let asking = null;
    const look = async () => {
      let rule;
      try {
        rule = body();
      } catch (error) {
        sentence.textContent = say.not_json.replace("{error}", error.message);
        return;
      }
      write();
      sample.show(form ? form.trigger.value() : String(rule.trigger ?? ""));
      asking?.abort();
      asking = new AbortController();
      const token = document.querySelector("input[name=csrfmiddlewaretoken]").value;
      try {
        const answer = await fetch(RB.known.look, {
          method: "POST",
          credentials: "same-origin",
          headers: { "Content-Type": "application/json", "X-CSRFToken": token },
          body: JSON.stringify({ rule, sample: sample.read() }),
          signal: asking.signal,
        });
        if (answer.ok) tell(await answer.json());
        else sentence.textContent = say.fault;
      } catch (error) {
        if (error.name !== "AbortError") sentence.textContent = say.fault;
      }
      place.dataset.looked = String(Number(place.dataset.looked ?? 0) + 1);
    };
    const soon = () => {
      clearTimeout(waiting);
      waiting = setTimeout(look, PAUSE_MS);
    };

    for (const event of ["input", "change"]) {
      holder.addEventListener(event, ({ target }) => {
        const pointer = target.closest("[data-pointer]")?.dataset.pointer ?? "";
        if (event === "change") for (const part of ["/code", "/name"]) if (pointer.startsWith(part)) touched.add(part);
        byHand = !form;
        soon();
      });
      side.addEventListener(event, soon);
    }
    area.addEventListener("input", () => {
      byHand = true;
      soon();
    });
    area.addEventListener("change", () => {
      try {
        open(JSON.parse(area.value));
      } catch {
        return;
      }
      soon();
    });
    place.addEventListener("keydown", (event) => {
      if (event.key === "Enter" && event.target.tagName === "INPUT") event.preventDefault();
    });
    area.form.addEventListener("submit", write);

    try {
      open(JSON.parse(area.value));
    } catch (error) {
      if (!(error instanceof SyntaxError)) throw error;
      form = null;
      byHand = true;
      expert.open = true;
    }
    if (RB.known.errors.length) {
      show(RB.known.errors, false);
      place.querySelector("[aria-invalid]")?.focus();
    }
    look();
  };

  window.addEventListener("DOMContentLoaded", RB.start);
})();
