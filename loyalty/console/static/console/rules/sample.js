// The sample that a draft is tried on: a basket or an event made up, or the number of a recorded order.
(() => {
  const RB = window.RuleBuilder;
  const { el } = RB;

  RB.samplePart = (first) => {
    const say = RB.words.say;
    const plain = (label, input, help) => RB.field("", input, () => undefined, { label, help: help ?? "" }).el;
    const at = RB.input(RB.wallClock(first.at).slice(0, 16), { "data-pick": "datetime-local" });
    const recorded = RB.input("", { values: RB.known.orders });
    const rows = [];
    const body = el("tbody");
    const addLine = (line) => {
      const inputs = {
        category: RB.input(line.category, { values: RB.known.choices["line.category"] ?? [], "aria-label": say.category }),
        unit_price: RB.input(line.unit_price, { inputmode: "decimal", class: "rb-short", "aria-label": say.price }),
        quantity: RB.input(line.quantity, { inputmode: "decimal", class: "rb-short", "aria-label": say.count }),
      };
      const row = { inputs };
      const away = () => {
        rows.splice(rows.indexOf(row), 1);
        row.el.remove();
        RB.changed(body);
      };
      row.el = el(
        "tr", {},
        ...Object.values(inputs).map((input) => el("td", {}, input)),
        el("td", {}, el("button", { type: "button", class: "rb-away", "aria-label": RB.words.button.remove, title: RB.words.button.remove, onclick: away }, "×")),
      );
      rows.push(row);
      body.append(row.el);
      return inputs.category;
    };
    for (const line of first.lines) addLine(line);
    const more = el("button", { type: "button", class: "rb-add", onclick: () => {
      addLine({ category: "", unit_price: "50.00", quantity: "1" }).focus();
      RB.changed(body);
    } }, RB.words.button.add_line);
    const heads = [say.category, `${say.price} (${RB.known.currency})`, say.count, ""].map((text) => el("th", {}, text));
    const basket = el("div", { class: "rb-basket" }, el("table", {}, el("thead", {}, el("tr", {}, ...heads)), body), more);
    const channel = RB.input(first.channel, { values: RB.known.choices["order.channel"] ?? [] });
    const store = RB.input(first.store_id, { values: RB.known.choices["order.store_id"] ?? [] });
    const tier = RB.select([["", RB.words.button.nobody], ...RB.known.tiers.map(({ value, label }) => [value, label])], first.tier || RB.known.tiers[0]?.value || "");
    const nth = RB.input("1", { inputmode: "numeric" });
    const birthday = RB.select(["none", "today", "week", "month"].map((value) => [value, RB.words.choice[`birthday.${value}`]]), "none");
    const tags = RB.chips(first.member_tags, RB.known.choices["member.tags"] ?? [], { placeholder: RB.words.button.add_value, "aria-label": say.member_tags });
    const streak = RB.input("1", { inputmode: "numeric" });
    const attributes = RB.input("", {});
    const boxes = {
      recorded: plain(say.recorded, recorded, say.recorded_help),
      channel: plain(say.channel, channel), store: plain(say.store, store),
      nth: plain(say.nth, nth), streak: plain(say.streak, streak),
    };
    const error = el("p", { class: "rb-error", hidden: true });
    const details = el(
      "details", { class: "rb-sample" },
      el("summary", {}, say.sample),
      basket,
      el("div", { class: "rb-fields" }, plain(say.at, at), boxes.channel, boxes.store, plain(say.tier, tier), boxes.nth,
        plain(say.birthday, birthday), boxes.streak, plain(say.member_tags, tags.el), plain(say.attributes, attributes), boxes.recorded),
    );
    details.open = true;
    const named = () =>
      Object.fromEntries(RB.listed(attributes.value).map((pair) => pair.split("=").map((part) => part.trim())).filter(([name, value]) => name && value !== undefined));
    return {
      el: el("div", {}, details, error),
      error,
      show: (trigger) => {
        const order = trigger.startsWith("order.");
        basket.hidden = !(order || trigger === "referral.first_order");
        for (const name of ["channel", "store", "nth"]) boxes[name].hidden = basket.hidden;
        boxes.recorded.hidden = !order;
        boxes.streak.hidden = !trigger.startsWith("activity.");
      },
      read: () => {
        const found = { at: at.value.trim() ? RB.instant(at.value) : undefined };
        if (!boxes.recorded.hidden && recorded.value.trim()) return { ...found, order_id: recorded.value.trim() };
        found.attributes = named();
        if (tier.value) found.tier = tier.value;
        if (tags.values().length) found.member_tags = tags.values();
        if (birthday.value !== "none") found.birthday = birthday.value;
        if (!boxes.streak.hidden && streak.value.trim()) found.streak = RB.asCount(streak.value);
        if (basket.hidden) return found;
        found.lines = rows.map(({ inputs }) => ({
          category: inputs.category.value.trim(),
          unit_price: inputs.unit_price.value.trim() || "0",
          quantity: inputs.quantity.value.trim() || "1",
        }));
        if (nth.value.trim()) found.nth_order = RB.asCount(nth.value);
        return { ...found, channel: channel.value.trim(), store_id: store.value.trim() };
      },
    };
  };
})();
