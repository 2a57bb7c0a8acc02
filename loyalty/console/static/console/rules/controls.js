// Controls of the rule builder. Each is {el, read(path)}: read gives the JSON value (undefined = left out) and marks
// its element with the pointer at which that value stands, so that an error finds its field. What was not touched
// is given back as it came: a number stays a number, a text a text. All words come from the server.
(() => {
  const RB = (window.RuleBuilder = {});
  let count = 0;

  RB.el = (tag, attributes = {}, ...children) => {
    const made = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) {
      if (value === undefined || value === null || value === false) continue;
      if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
      else made.setAttribute(name, value === true ? "" : value);
    }
    made.append(...children.filter((child) => child !== undefined && child !== null && child !== false));
    return made;
  };
  const { el } = RB;

  RB.asText = (text) => text;
  RB.asDecimal = (text) => text.trim();
  RB.asCount = (text) => (/^\d{1,15}$/.test(text.trim()) ? Number(text.trim()) : text.trim());
  RB.kept = (original, text, parse) =>
    ["string", "number", "boolean"].includes(typeof original) && String(original) === text ? original : parse(text);
  RB.listed = (text) => text.split(/[,，、]/).map((each) => each.trim()).filter(Boolean);
  RB.changed = (from) => from.dispatchEvent(new Event("input", { bubbles: true }));

  // Where the two first differ, as a pointer; "" for equal ones.
  RB.difference = (one, other, path = "") => {
    if (one === other) return "";
    const both = [one, other].every((each) => typeof each === "object" && each !== null);
    if (!both || Array.isArray(one) !== Array.isArray(other)) return path || "/";
    for (const key of new Set([...Object.keys(one), ...Object.keys(other)])) {
      const found = RB.difference(one[key], other[key], `${path}/${key}`);
      if (found) return found;
    }
    return "";
  };

  // A label, a control, its help, and the place for what is wrong with it.
  RB.field = (key, input, read, { label, help, wide, shown } = {}) => {
    const id = `rb-${++count}`;
    const single = ["INPUT", "SELECT", "TEXTAREA"].includes(input.tagName);
    const target = single ? input : input.querySelector("input, select, textarea");
    if (target && !target.id) target.id = id;
    const text = label ?? RB.words.label[key] ?? key;
    const helped = help ?? RB.words.help[key];
    const error = el("p", { class: "rb-error", id: `${id}-error`, hidden: true });
    if (input.dataset.pick) {
      input.dataset.pickWords = RB.words.button.calendar;
      input.placeholder = RB.words.button[input.dataset.pick];
    }
    const described = helped && el("p", { class: "rb-help", id: `${id}-help` }, helped);
    if (single) input.setAttribute("aria-describedby", helped ? `${id}-help ${id}-error` : `${id}-error`);
    const box = single
      ? el("div", {}, el("label", { for: input.id }, text), input, described, error)
      : el("fieldset", {}, el("legend", {}, text), input, described, error);
    box.className = `rb-field${wide ? " rb-wide" : ""}`;
    if (shown === false) box.hidden = true;
    if (input.dataset.pick) window.withCalendar(input);
    return {
      el: box,
      input,
      read: (path) => {
        box.dataset.pointer = path;
        return read(path);
      },
    };
  };

  const datalist = (values) => {
    const id = `rb-list-${++count}`;
    return [id, el("datalist", { id }, ...values.map((value) => el("option", { value })))];
  };

  RB.input = (original, { values = [], multiline, ...attributes } = {}) => {
    const text = original === undefined || original === null ? "" : String(original);
    if (multiline) {
      const area = el("textarea", { rows: 2, ...attributes });
      area.value = text;
      return area;
    }
    const input = el("input", { type: "text", autocomplete: "off", ...attributes });
    input.value = text;
    if (values.length) {
      const [id, list] = datalist(values);
      input.setAttribute("list", id);
      input.append(list);
      // A datalist must stand in the document; inside an input it would not be found.
      queueMicrotask(() => input.after(list));
    }
    return input;
  };

  RB.text = (key, original, { parse = RB.asText, required, ...more } = {}) => {
    const { label, help, wide, shown, ...attributes } = more;
    const input = RB.input(original, attributes);
    const read = () => {
      if (input.value === "" && original !== "") return required ? "" : undefined;
      return RB.kept(original, input.value, parse);
    };
    return RB.field(key, input, read, { label, help, wide, shown });
  };
  RB.decimal = (key, original, more = {}) =>
    RB.text(key, original, { parse: RB.asDecimal, inputmode: "decimal", ...more });
  RB.number = (key, original, more = {}) =>
    RB.text(key, original, { parse: RB.asCount, inputmode: "numeric", ...more });

  RB.options = (pairs, chosen) =>
    pairs.map(([value, text, disabled]) => {
      const option = el("option", { value, disabled }, text);
      option.selected = value === chosen;
      return option;
    });

  // `pairs` are [value, words]; a value that is not among them is offered as it is.
  RB.select = (pairs, chosen, attributes = {}) => {
    const known = pairs.some(([value]) => value === chosen);
    const all = known || chosen === undefined || chosen === "" ? pairs : [...pairs, [chosen, chosen]];
    return el("select", attributes, ...RB.options(all, chosen ?? ""));
  };

  RB.choice = (key, original, pairs, more = {}) => {
    const text = original === undefined || original === null ? "" : String(original);
    const select = RB.select(pairs, text);
    const read = () => (select.value === "" ? undefined : RB.kept(original, select.value, RB.asText));
    return RB.field(key, select, read, more);
  };

  RB.check = (key, original) => {
    const input = el("input", { type: "checkbox" });
    input.checked = original === true;
    const made = RB.field(key, input, () => (input.checked ? true : original === false ? false : undefined));
    made.el.classList.add("rb-check");
    return made;
  };

  // Several of a few: a group of boxes. Values that are not offered are offered too, since they are there.
  RB.boxes = (pairs, chosen, attributes = {}) => {
    const missing = chosen.filter((value) => !pairs.some(([known]) => known === value)).map((value) => [value, value]);
    const boxes = [...pairs, ...missing].map(([value, text]) => {
      const box = el("input", { type: "checkbox", value });
      box.checked = chosen.includes(value);
      return [box, el("label", { class: "rb-box" }, box, text)];
    });
    const group = el("div", { class: "rb-boxes", role: "group", ...attributes }, ...boxes.map(([, label]) => label));
    return { el: group, values: () => boxes.filter(([box]) => box.checked).map(([box]) => box.value) };
  };

  // Any number of texts, each with a button to take it away; Enter or a comma adds one.
  RB.chips = (values, suggestions, attributes = {}) => {
    const held = [...values].map(String);
    const shown = el("span", { class: "rb-chips" });
    const input = RB.input("", { values: suggestions, ...attributes });
    const whole = el("div", { class: "rb-chipbox" }, shown, input);
    const draw = () => {
      shown.replaceChildren(
        ...held.map((value, index) => {
          const away = () => {
            held.splice(index, 1);
            draw();
            RB.changed(whole);
            input.focus();
          };
          const name = `${RB.words.button.remove}: ${value}`;
          return el(
            "span",
            { class: "rb-chip" },
            value,
            el("button", { type: "button", "aria-label": name, title: RB.words.button.remove, onclick: away }, "×"),
          );
        }),
      );
    };
    const add = () => {
      const given = RB.listed(input.value).filter((value) => !held.includes(value));
      input.value = "";
      if (!given.length) return;
      held.push(...given);
      draw();
      RB.changed(whole);
    };
    input.addEventListener("keydown", (event) => {
      if (event.key === "Enter" || event.key === "," || event.key === "，") {
        event.preventDefault();
        add();
      } else if (event.key === "Backspace" && input.value === "" && held.length) {
        held.pop();
        draw();
        RB.changed(whole);
      }
    });
    input.addEventListener("change", add);
    draw();
    return { el: whole, values: () => [...held, ...RB.listed(input.value).filter((each) => !held.includes(each))] };
  };

  // An object of fields. A field that is left empty is left out, or null where it was null; an object without
  // fields is left out, or empty where it was empty.
  RB.object = (original, fields) => {
    const box = el("div", { class: "rb-fields" }, ...fields.map(([, field]) => field.el));
    return {
      el: box,
      read: (path) => {
        const found = {};
        for (const [key, field] of fields) {
          const value = field.read(`${path}/${key}`);
          if (value !== undefined) found[key] = value;
          else if (original && original[key] === null) found[key] = null;
        }
        if (Object.keys(found).length) return found;
        return original && Object.keys(original).length === 0 ? original : undefined;
      },
    };
  };

  // A value of several forms: a select chooses which, and `make(form, original)` gives its fields. `read(form,
  // fields)` puts the value together; the original is handed on only while its own form is chosen.
  RB.forms = (key, pairs, chosen, original, make, more = {}) => {
    const select = RB.select(pairs, chosen);
    const inner = el("div", { class: "rb-fields" });
    let made;
    const draw = () => {
      made = make(select.value, select.value === chosen ? original : undefined);
      inner.replaceChildren(...made.fields.map((field) => field.el));
    };
    select.addEventListener("change", draw);
    draw();
    const head = RB.field(key, select, () => undefined, more);
    const box = el("div", { class: "rb-forms" }, head.el, inner);
    return {
      el: box,
      select,
      redraw: draw,
      read: (path) => {
        box.dataset.pointer = path;
        head.read(more.pointer ? `${path}/${more.pointer}` : path);
        return made.read(path);
      },
    };
  };

  // Wall clock of the brand's zone <-> an instant with an offset.
  const parts = (instant) => {
    const format = new Intl.DateTimeFormat("en-GB", {
      timeZone: RB.zone, year: "numeric", month: "2-digit", day: "2-digit",
      hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23",
    });
    return Object.fromEntries(format.formatToParts(instant).map(({ type, value }) => [type, value]));
  };
  RB.wallClock = (text) => {
    const instant = new Date(text);
    if (Number.isNaN(instant.getTime())) return "";
    const p = parts(instant);
    const seconds = p.second === "00" ? "" : `:${p.second}`;
    return `${p.year}-${p.month}-${p.day} ${p.hour}:${p.minute}${seconds}`;
  };
  RB.instant = (typed) => {
    const wall = window.plainMoment(typed);
    const wanted = Date.parse(`${wall.length === 16 ? `${wall}:00` : wall}Z`);
    if (Number.isNaN(wanted)) return typed;
    const offsetAt = (moment) => {
      const p = parts(new Date(moment));
      return Date.UTC(p.year, p.month - 1, p.day, p.hour, p.minute, p.second) - moment;
    };
    const guess = offsetAt(wanted - offsetAt(wanted));
    const minutes = Math.abs(guess) / 60000;
    const two = (value) => String(value).padStart(2, "0");
    const offset = `${guess < 0 ? "-" : "+"}${two(Math.floor(minutes / 60))}:${two(minutes % 60)}`;
    return `${wall.length === 16 ? `${wall}:00` : wall}${offset}`;
  };
  RB.moment = (key, original, more = {}) => {
    const first = original ? RB.wallClock(original) : "";
    const input = RB.input(first, { "data-pick": "datetime-local" });
    const unread = original && !first;
    const read = () => {
      const typed = input.value.trim();
      const told = typed && RB.instant(typed) === typed ? RB.words.say.no_moment : "";
      if (told) made.el.dataset.said = told; else delete made.el.dataset.said;
      if (unread || (original && input.value === first)) return original;
      return typed === "" ? undefined : RB.instant(typed);
    };
    const made = RB.field(key, input, read, { help: `${RB.words.help[key] ?? ""} ${RB.zone}`.trim(), ...more });
    return made;
  };
})();
