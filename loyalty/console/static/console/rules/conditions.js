// Conditions as rows, and groups of them: all, any, none, one inside the other.
(() => {
  const RB = window.RuleBuilder;
  const { el } = RB;
  const KINDS = ["all", "any", "none"];
  const LISTS = ["in", "not_in", "has"];
  RB.DEEPEST = 4;

  const family = (trigger) => {
    if (trigger.startsWith("order.")) return "order";
    if (trigger === "referral.first_order") return "first_order";
    return trigger.startsWith("activity.") ? "activity" : "other";
  };

  // The fact of a name: {fact, name} with the name of the attribute for facts that are attributes.
  const factOf = (name) => {
    const exact = RB.known.facts.find((fact) => !fact.free && fact.name === name);
    if (exact) return { fact: exact, name: "" };
    const free = RB.known.facts.find((fact) => fact.free && name.startsWith(fact.name));
    return free && { fact: free, name: name.slice(free.name.length) };
  };

  const factSelect = (chosen) => {
    const here = family(RB.trigger());
    const groups = ["order", "line", "activity", "member", "window"].map((group) =>
      el(
        "optgroup",
        { label: RB.words.choice[`group.${group}`] },
        ...RB.known.facts
          .filter((fact) => fact.group === group)
          .filter((fact) => fact.on.includes(here) || fact.name === chosen)
          .map((fact) => {
            const option = el("option", { value: fact.name }, fact.label);
            option.selected = fact.name === chosen;
            return option;
          }),
      ),
    );
    return el("select", { "aria-label": RB.words.label.fact, class: "rb-fact" }, ...groups.filter((each) => each.children.length));
  };

  const closed = (fact) => {
    if (fact.type === "tier") return RB.known.tiers.map(({ value, label }) => [value, label]);
    if (fact.type === "birthday") return ["today", "week", "month"].map((value) => [value, RB.words.choice[`birthday.${value}`]]);
    return null;
  };

  // The control of a condition's value: {el, read()}.
  const valueOf = (fact, name, op, original) => {
    const label = { "aria-label": RB.words.label.value };
    const suggestions = RB.known.choices[fact.name + name] ?? [];
    const numeric = ["number", "decimal", "ages"].includes(fact.type);
    const mode = numeric ? { inputmode: "decimal" } : {};
    const parse = numeric ? (text) => (/^\d{1,15}$/.test(text.trim()) ? Number(text.trim()) : text.trim()) : RB.asText;
    const pairs = closed(fact);
    if (LISTS.includes(op)) {
      const first = original === undefined ? [] : Array.isArray(original) ? original : [original];
      const shown = pairs
        ? RB.boxes(pairs, first.map(String), label)
        : RB.chips(first, suggestions, { ...label, ...mode, placeholder: RB.words.button.add_value, title: RB.words.help.value });
      const read = () => {
        const values = shown.values();
        const same = values.length === first.length && values.every((value, index) => value === String(first[index]));
        if (same && original !== undefined) return original;
        return values.map((value) => RB.kept(first.find((each) => String(each) === value), value, parse));
      };
      return { el: shown.el, read };
    }
    if (op === "between") {
      const both = [0, 1].map((index) => {
        const name = { "aria-label": RB.words.label[index ? "high" : "low"], placeholder: RB.words.label[index ? "high" : "low"] };
        const given = Array.isArray(original) ? original[index] : undefined;
        return pairs ? RB.select([["", RB.words.button.choose], ...pairs], given === undefined ? "" : String(given), name) : RB.input(given, { ...name, ...mode });
      });
      const read = () => both.map((input, index) => RB.kept(Array.isArray(original) ? original[index] : undefined, input.value, parse));
      return { el: el("span", { class: "rb-two" }, both[0], both[1]), read };
    }
    const given = Array.isArray(original) ? undefined : original;
    const text = given === undefined ? "" : String(given);
    if (fact.type === "bool") {
      const select = RB.select(["true", "false"].map((value) => [value, RB.words.choice[`bool.${value}`]]), text || "true", label);
      return { el: select, read: () => RB.kept(given, select.value, (value) => value === "true") };
    }
    if (pairs) {
      const select = RB.select([["", RB.words.button.choose], ...pairs], text, label);
      return { el: select, read: () => RB.kept(given, select.value, RB.asText) };
    }
    const input = RB.input(given, { ...label, ...mode, values: suggestions });
    return { el: input, read: () => RB.kept(given, input.value, parse) };
  };

  const windowOf = (original) => {
    const [period, days] = String(original.window ?? "month").split(":");
    const select = RB.select(
      ["week", "month", "quarter", "year", "days"].map((value) => [value, RB.words.choice[`window.${value}`]]),
      period,
      { "aria-label": RB.words.label.window },
    );
    const input = RB.input(days ?? "30", { "aria-label": RB.words.label.window_days, inputmode: "numeric", class: "rb-short" });
    const show = () => (input.hidden = select.value !== "days");
    select.addEventListener("change", show);
    show();
    const where = original.where ?? undefined;
    const named = where?.category;
    const first = named === undefined ? [] : Array.isArray(named) ? named : [named];
    const chips = RB.chips(first, RB.known.choices["line.category"] ?? [], { "aria-label": RB.words.label.where_category });
    const category = RB.field("where_category", chips.el, () => {
      const values = chips.values();
      const same = values.length === first.length && values.every((value, index) => value === first[index]);
      if (same && named !== undefined) return named;
      return values.length ? values : undefined;
    });
    const counted = RB.object(where, [
      ["min_amount", RB.decimal("min_amount", where?.min_amount)],
      ["category", category],
      ["distinct_days", RB.check("distinct_days", where?.distinct_days)],
    ]);
    counted.el.classList.add("rb-where");
    return {
      el: el("div", { class: "rb-window" }, el("span", { class: "rb-two" }, select, input), counted.el),
      read: (path) => {
        const found = { window: select.value === "days" ? `days:${input.value.trim()}` : select.value };
        const limits = counted.read(`${path}/where`);
        if (limits !== undefined) found.where = limits;
        else if (original.where === null) found.where = null;
        return found;
      },
    };
  };

  const condition = (original, away) => {
    const start = factOf(String(original.fact));
    if (!start) throw new RB.Unshown(`/${original.fact}`);
    let { fact, name } = start;
    const facts = factSelect(fact.name);
    const named = RB.input(name, {
      "aria-label": RB.words.label.fact_name,
      placeholder: RB.words.label.fact_name,
      values: RB.known.choices[fact.free ? fact.name : ""] ?? [],
      class: "rb-short",
    });
    const ops = el("select", { "aria-label": RB.words.label.op, class: "rb-op" });
    const place = el("div", { class: "rb-value" });
    const more = el("div", { class: "rb-more" });
    let value;
    let counted = null;
    const drawValue = (given) => {
      value = valueOf(fact, fact.free ? named.value : "", ops.value, given);
      place.replaceChildren(value.el);
    };
    const draw = (op, given, whole) => {
      named.hidden = !fact.free;
      const known = RB.known.operators[fact.type];
      ops.replaceChildren(...RB.options(known.map((each) => [each, RB.words.choice[`op.${each}`]]), known.includes(op) ? op : known[0]));
      drawValue(given);
      counted = fact.windowed ? windowOf(whole) : null;
      more.replaceChildren(...(counted ? [counted.el] : []));
    };
    facts.addEventListener("change", () => {
      fact = RB.known.facts.find((each) => each.name === facts.value);
      named.value = "";
      draw(ops.value, undefined, {});
    });
    ops.addEventListener("change", () => {
      const before = value.read();
      const list = LISTS.includes(ops.value);
      if (ops.value === "between") drawValue(undefined);
      else if (list) drawValue(before === "" || (Array.isArray(before) && !before.length) ? undefined : before);
      else drawValue(Array.isArray(before) ? before[0] : before);
    });
    if (!RB.known.operators[fact.type].includes(original.op)) throw new RB.Unshown(`/${original.fact}/${original.op}`);
    draw(original.op, original.value, original);
    const error = el("p", { class: "rb-error", hidden: true });
    const remove = el("button", { type: "button", class: "rb-away", "aria-label": RB.words.button.remove, title: RB.words.button.remove, onclick: away }, "×");
    const box = el("div", { class: "rb-condition" }, facts, named, ops, place, remove, more, error);
    return {
      el: box,
      leaf: true,
      read: (path) => {
        box.dataset.pointer = path;
        const found = { fact: fact.name + (fact.free ? named.value.trim() : ""), op: ops.value, value: value.read() };
        return counted ? { ...found, ...counted.read(path) } : found;
      },
    };
  };

  const blank = () => {
    const here = family(RB.trigger());
    const first = { order: "line.category", first_order: "order.amount", activity: "activity.streak_day" }[here] ?? "member.tier";
    const fact = RB.known.facts.find((each) => each.name === first);
    return { fact: first, op: { category: "in", decimal: "gte" }[fact.type] ?? RB.known.operators[fact.type][0] };
  };

  // One list of a node: its kind, and what stands in it.
  const block = (kind, children, depth, gone) => {
    const parts = [];
    const inside = el("div", { class: "rb-children" });
    const kinds = RB.select(KINDS.map((each) => [each, RB.words.choice[`kind.${each}`]]), kind, { "aria-label": RB.words.label.group_kind, class: "rb-kind" });
    const insert = (part) => {
      parts.push(part);
      inside.append(part.el);
      return part;
    };
    const drop = (part) => {
      parts.splice(parts.indexOf(part), 1);
      const next = part.el.nextElementSibling ?? part.el.previousElementSibling;
      part.el.remove();
      (next?.querySelector("select, input, button") ?? kinds).focus();
      RB.changed(inside);
    };
    const addLeaf = (leaf) => {
      const part = condition(leaf, () => drop(part));
      return insert(part);
    };
    const addNode = (node) => {
      const part = RB.node(node, depth + 1, () => drop(part));
      return insert(part);
    };
    for (const child of children) {
      if (typeof child !== "object" || child === null) throw new RB.Unshown("/when");
      if ("fact" in child) addLeaf(child);
      else addNode(child);
    }
    const add = (make) => () => {
      make().el.querySelector("select")?.focus();
      RB.changed(inside);
    };
    const buttons = el(
      "div",
      { class: "rb-buttons" },
      el("button", { type: "button", class: "rb-add", onclick: add(() => addLeaf(blank())) }, RB.words.button.add_condition),
      depth < RB.DEEPEST &&
        el("button", { type: "button", class: "rb-add", onclick: add(() => addNode({ any: [blank()] })) }, RB.words.button.add_group),
      gone && el("button", { type: "button", class: "rb-add rb-danger", onclick: gone }, RB.words.button.remove_group),
    );
    const error = el("p", { class: "rb-error", hidden: true });
    return {
      el: el("div", { class: "rb-group", role: "group", "aria-label": RB.words.label.group_kind }, kinds, inside, buttons, error),
      kinds,
      parts,
    };
  };

  // A node of a rule's `when`. `gone` takes it away; the root has none.
  RB.node = (original, depth = 1, gone = undefined) => {
    if (depth > RB.DEEPEST) throw new RB.Unshown("/when", "deep");
    const bare = "fact" in original;
    const lists = bare ? [["all", [original]]] : Object.entries(original).filter(([kind]) => KINDS.includes(kind));
    if (!lists.length) lists.push(["all", []]);
    const blocks = lists.map(([kind, children]) => {
      if (!Array.isArray(children)) throw new RB.Unshown(`/when/${kind}`);
      return block(kind, children, depth, gone);
    });
    const box = el("div", { class: "rb-node" }, ...blocks.map((each) => each.el));
    return {
      el: box,
      read: (path) => {
        box.dataset.pointer = path;
        const found = {};
        for (const { el: shown, kinds, parts } of blocks) {
          const kind = kinds.value;
          shown.dataset.pointer = `${path}/${kind}`;
          const values = found[kind] ?? [];
          for (const part of parts) {
            const value = part.read(`${path}/${kind}/${values.length}`);
            if (value !== undefined) values.push(value);
          }
          if (values.length || (Array.isArray(original[kind]) && !original[kind].length)) found[kind] = values;
        }
        if (bare && found.all?.length === 1 && blocks[0].parts[0].leaf) return found.all[0];
        if (Object.keys(found).length) return found;
        return depth === 1 && Object.keys(original).length === 0 && RB.hadWhen ? {} : undefined;
      },
    };
  };
})();
