// The parts of a rule beside its conditions: name, trigger, schedule, effect, caps, life of the points and the rest.
(() => {
  const RB = window.RuleBuilder;
  const { el } = RB;
  const said = (prefix, values) => values.map((value) => [value, RB.words.choice[`${prefix}.${value}`]]);
  const PERIODS = ["day", "week", "month", "year", "lifetime"];
  const DAYS = ["MO", "TU", "WE", "TH", "FR", "SA", "SU"];

  RB.name = (original) => {
    const single = typeof original === "string";
    const given = single ? { [RB.known.language === "en" ? "en" : "zh-hans"]: original } : original;
    const made = RB.object(given, [
      ["zh-hans", RB.text("name_zh", given?.["zh-hans"])],
      ["en", RB.text("name_en", given?.en, { help: "" })],
    ]);
    const box = el("div", {}, made.el, el("p", { class: "rb-error", hidden: true }));
    return {
      el: box,
      read: (path) => {
        const found = made.read(path) ?? {};
        box.dataset.pointer = path;
        const texts = Object.values(found);
        return single && texts.length === 1 && texts[0] === original ? original : found;
      },
    };
  };

  RB.triggerPart = (original) => {
    const activity = String(original ?? "").startsWith("activity.");
    const pairs = [
      ...RB.known.triggers.map(({ value, label }) => [value, label]),
      ["activity.", RB.words.choice["trigger.activity"]],
    ];
    const select = RB.select(pairs, activity ? "activity." : original ?? "order.paid");
    const kind = RB.text("activity", activity ? original.slice("activity.".length) : "", {
      values: RB.known.choices.activity ?? [],
      required: true,
    });
    const show = () => (kind.el.hidden = select.value !== "activity.");
    select.addEventListener("change", show);
    show();
    const head = RB.field("trigger", select, () => undefined);
    const value = () => (select.value === "activity." ? `activity.${kind.input.value.trim()}` : select.value);
    return {
      el: el("div", { class: "rb-fields" }, head.el, kind.el),
      select,
      value,
      read: (path) => {
        head.read(path);
        kind.read(path);
        return value();
      },
    };
  };

  // Days of an RRULE: the usual ones as choices, any other as it is written.
  const daysOf = (text) => {
    const given = text.trim().replace(/^RRULE:/, "");
    const parts = Object.fromEntries(given.split(";").map((part) => part.split("=")));
    const keys = Object.keys(parts).sort().join();
    if (keys === "BYDAY,FREQ" && parts.FREQ === "WEEKLY" && parts.BYDAY.split(",").every((day) => DAYS.includes(day)))
      return { form: "weekly", days: parts.BYDAY.split(",") };
    if (keys === "BYMONTHDAY,FREQ" && parts.FREQ === "MONTHLY") return { form: "monthly", days: parts.BYMONTHDAY };
    if (keys === "BYMONTH,BYMONTHDAY,FREQ" && parts.FREQ === "YEARLY" && /^\d+$/.test(parts.BYMONTH) && /^\d+$/.test(parts.BYMONTHDAY))
      return { form: "yearly", month: parts.BYMONTH, day: parts.BYMONTHDAY };
    return { form: "rrule" };
  };

  const days = (original) => {
    const first = original ? daysOf(original) : { form: "every" };
    const forms = said("days", ["every", "weekly", "monthly", "yearly", "rrule"]);
    let initial;
    const make = (form, given) => {
      const own = given === undefined ? {} : first;
      if (form === "weekly") {
        const boxes = RB.boxes(said("day", DAYS), own.days ?? ["SA", "SU"]);
        const field = RB.field("weekdays", boxes.el, () => undefined, { wide: true });
        return { fields: [field], text: () => `FREQ=WEEKLY;BYDAY=${boxes.values().join(",")}` };
      }
      if (form === "monthly") {
        const field = RB.text("monthdays", own.days ?? "28");
        return { fields: [field], text: () => `FREQ=MONTHLY;BYMONTHDAY=${RB.listed(field.input.value).join(",")}` };
      }
      if (form === "yearly") {
        const month = RB.input(own.month ?? "11", { inputmode: "numeric", class: "rb-short" });
        const day = RB.input(own.day ?? "11", { inputmode: "numeric", class: "rb-short", "aria-label": RB.words.label.monthdays });
        const field = RB.field("yearday", el("span", { class: "rb-two" }, month, day), () => undefined);
        return { fields: [field], text: () => `FREQ=YEARLY;BYMONTH=${month.value.trim()};BYMONTHDAY=${day.value.trim()}` };
      }
      if (form === "rrule") {
        const field = RB.text("rrule", given ?? "", { wide: true });
        return { fields: [field], text: () => field.input.value };
      }
      return { fields: [], text: () => undefined };
    };
    const wrapped = (form, given) => {
      const made = make(form, given);
      if (given !== undefined) initial = made.text();
      return {
        fields: made.fields,
        read: (path) => {
          for (const field of made.fields) field.read(path);
          const text = made.text();
          return text !== undefined && text === initial && given !== undefined ? original : text;
        },
      };
    };
    return RB.forms("days", forms, first.form, original ?? undefined, wrapped);
  };

  const hours = (original) => {
    const rows = [];
    const inside = el("div", { class: "rb-rows" });
    const add = (given = ["", ""]) => {
      const both = given.map((text, index) =>
        RB.input(text, { class: "rb-short", placeholder: index ? "21:30" : "18:30", "aria-label": RB.words.label[index ? "until" : "from"] }),
      );
      const row = {
        el: el("div", { class: "rb-two" }, both[0], "–", both[1], el("button", {
          type: "button", class: "rb-away", "aria-label": RB.words.button.remove, title: RB.words.button.remove,
          onclick: () => {
            rows.splice(rows.indexOf(row), 1);
            row.el.remove();
            RB.changed(inside);
          },
        }, "×")),
        read: (path) => {
          row.el.dataset.pointer = path;
          return both.map((input) => input.value.trim());
        },
      };
      rows.push(row);
      inside.append(row.el);
      return both[0];
    };
    for (const given of original ?? []) add(given);
    const button = el("button", { type: "button", class: "rb-add", onclick: () => add().focus() }, RB.words.button.add_hours);
    const box = el("div", {}, inside, button);
    const read = (path) => {
      if (!rows.length) return Array.isArray(original) && !original.length ? original : undefined;
      return rows.map((row, index) => row.read(`${path}/${index}`));
    };
    return RB.field("hours", box, read);
  };

  RB.schedule = (original) =>
    RB.object(original, [
      ["starts_at", RB.moment("starts_at", original?.starts_at)],
      ["ends_at", RB.moment("ends_at", original?.ends_at, { help: "" })],
      ["rrule", days(original?.rrule)],
      ["hours", hours(original?.hours)],
    ]);

  RB.effect = (original) => {
    const kinds = ["per_amount", "per_unit", "fixed", "multiplier", "grant"];
    const make = (type, given) => {
      const own = given ?? {};
      const choices = {
        per_amount: () => [
          ["points", RB.decimal("points", own.points ?? "1", { required: true })],
          ["per", RB.decimal("per", own.per ?? "1", { required: true })],
          ["whole", RB.check("whole", own.whole)],
        ],
        per_unit: () => [["points", RB.decimal("points", own.points ?? "1", { required: true })]],
        fixed: () => [["points", RB.number("points", own.points ?? 100, { required: true })]],
        multiplier: () => [["factor", RB.decimal("factor", own.factor ?? "2", { required: true })]],
        grant: () => [
          ["kind", RB.choice("kind", own.kind ?? "coupon", said("grant", ["coupon", "benefit", "tag", "draw"]))],
          ["code", RB.text("grant_code", own.code ?? "", { required: true, values: RB.known.choices[`grant.${own.kind ?? "coupon"}`] ?? [] })],
          ["quantity", RB.number("quantity", own.quantity)],
          ["valid_days", RB.number("valid_days", own.valid_days)],
        ],
      };
      const inner = RB.object(undefined, choices[type]?.() ?? []);
      return { fields: [inner], read: (path) => ({ type, ...inner.read(path) }) };
    };
    return RB.forms("effect", said("effect", kinds), original?.type ?? "per_amount", original, make, { pointer: "type" });
  };

  RB.receiver = (original) =>
    RB.choice("to", original, [[original === "member" ? "member" : "", RB.words.choice["to.member"]], ...said("to", ["referrer", "referee", "both"])]);

  const periods = (key, original) => {
    const inner = RB.object(
      original,
      PERIODS.map((period) => [period, RB.number(`${key}.${period}`, original?.[period], { label: RB.words.choice[`period.${period}`], help: "" })]),
    );
    inner.el.classList.add("rb-periods");
    return RB.field(key, el("div", {}, inner.el), (path) => inner.read(path), { help: "", wide: true });
  };

  RB.caps = (original) => {
    const listed = RB.text("once_per", original?.once_per?.join(", "), { wide: true, values: ["activity.order_id", "activity.sku", "order.order_id"] });
    const first = listed.input.value;
    const once = {
      el: listed.el,
      read: (path) => {
        listed.read(path);
        if (listed.input.value === first) return original?.once_per ?? undefined;
        const names = RB.listed(listed.input.value);
        return names.length ? names : undefined;
      },
    };
    return RB.object(original, [
      ["per_order", RB.number("per_order", original?.per_order)],
      ["total", RB.number("total", original?.total)],
      ["per_member", periods("per_member", original?.per_member)],
      ["times", periods("times", original?.times)],
      ["once_per", once],
    ]);
  };

  const pending = (original) => {
    const form = !original ? "none" : "until" in original ? original.until : "days";
    const make = (chosen, given) => {
      if (chosen === "none") return { fields: [], read: () => undefined };
      if (chosen !== "days") return { fields: [], read: () => ({ until: chosen }) };
      const inner = RB.object(undefined, [["days", RB.number("pending_days", given?.days ?? 7, { required: true })]]);
      return { fields: [inner], read: (path) => inner.read(path) };
    };
    return RB.forms("pending", said("pending", ["none", "days", "order.completed", "activity.approved"]), form, original ?? undefined, make);
  };

  const UNITS = { days: "days", months: "months", end_of_month: "months", end_of_year: "years", inactivity: "months" };
  const expiry = (original) => {
    const policies = ["none", "never", "fixed", ...Object.keys(UNITS)];
    const make = (policy, given) => {
      if (policy === "none") return { fields: [], read: () => undefined };
      const unit = UNITS[policy];
      const field = unit
        ? [unit, RB.number("expiry_count", given?.[unit] ?? 12, { required: true })]
        : ["on", RB.text("expiry_on", given?.on ?? "", { "data-pick": "date", parse: window.plainMoment, required: true })];
      const inner = RB.object(undefined, policy === "never" ? [] : [field]);
      return { fields: [inner], read: (path) => ({ policy, ...inner.read(path) }) };
    };
    return RB.forms("expiry", said("expiry", policies), original?.policy ?? "none", original ?? undefined, make, { pointer: "policy" });
  };

  const qualifying = (original) => {
    const text = original === undefined ? "" : original ? "yes" : "no";
    const pairs = [["", RB.words.choice["qualifying.none"]], ...said("qualifying", ["yes", "no"])];
    const select = RB.select(pairs, text);
    return RB.field("qualifying", select, () => (select.value === "" ? undefined : select.value === "yes"));
  };

  RB.points = (original) => {
    const names = RB.known.currencies.map((name) => [name, name]);
    return RB.object(original, [
      ["pending", pending(original?.pending)],
      ["expiry", expiry(original?.expiry)],
      ["qualifying", qualifying(original?.qualifying)],
      ["currency", RB.choice("currency", original?.currency, [["", RB.words.choice["qualifying.none"]], ...names])],
    ]);
  };

  RB.stacking = (original) =>
    RB.object(original, [
      ["group", RB.text("group", original?.group, { values: RB.known.choices.group ?? [] })],
      ["policy", RB.choice("policy", original?.policy, [["", RB.words.choice["policy.none"]], ...said("policy", ["best", "all"])])],
    ]);

  RB.audience = (original) =>
    RB.object(original, [
      ["segment", RB.text("segment", original?.segment, { values: RB.known.choices.segment ?? [] })],
      ["rollout_percent", RB.text("rollout", original?.rollout_percent, { parse: RB.asCount, inputmode: "decimal" })],
    ]);
})();
