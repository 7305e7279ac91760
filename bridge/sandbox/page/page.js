// The demo's page. Everything from the server is put into the page as text nodes, never as HTML.
"use strict";

const $ = (id) => document.getElementById(id);
const state = { people: [], chats: [], menus: [], bot: null, person: 0, place: "private", messages: new Map(), reply: null, editing: null, unread: new Map(), smsUnseen: 0, chatUnseen: 0 };

const TRY = [
  ["One SMS", "/sms 0241109433 Disk full on db1"],
  ["Two people", "/sms 0241109433,0551234567 Deploy failed, please call in"],
  ["Emoji: Unicode", "/sms 0241109433 🔥 Database is down. Who takes it?"],
  ["Long: two segments", "/sms 0241109433 db1 in Accra: the disk is 97 % full since 02:10 and grows by 1 % in ten minutes. Backups were paused. Please log in, free some space, and answer in the Ops group. Thank you."],
  ["A bad number", "/sms 02411 Call me"],
  ["Help", "/help"],
];

// small tools

function el(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (value === true) node.setAttribute(name, "");
    else if (value !== false && value != null) node.setAttribute(name, value);
  }
  node.append(...children.filter((child) => child != null));
  return node;
}

const clock = (seconds) => new Date(seconds * 1000).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
const prettyNumber = (number) => number.replace(/^(\+233)(\d\d)(\d{3})(\d+)$/, "$1 $2 $3 $4");
const chatId = () => (state.place === "private" ? state.person : Number(state.place));
const keyOf = (chat, id) => `${chat}:${id}`;
const nearEnd = () => $("log").scrollHeight - $("log").scrollTop - $("log").clientHeight < 60;
const narrow = () => matchMedia("(max-width: 760px)").matches;

function restart(node, name, ms) {
  node.classList.remove(name);
  void node.offsetWidth; // so that the animation starts anew
  node.classList.add(name);
  setTimeout(() => node.classList.remove(name), ms);
}

let toastTimer;
function toast(text) {
  $("toast").textContent = text;
  $("toast").hidden = false;
  clearTimeout(toastTimer);
  toastTimer = setTimeout(() => ($("toast").hidden = true), 4000);
}

async function act(verb, data) {
  try {
    const body = JSON.stringify({ person: state.person, chat: chatId(), ...data });
    const answer = await fetch(`do/${verb}`, { method: "POST", headers: { "content-type": "application/json" }, body });
    if (answer.ok) return await answer.json();
    toast(await answer.text());
  } catch {
    toast("The demo does not answer. Is it still running?");
  }
  return null;
}

// text with entities -> nodes; offsets are UTF-16 units, as JavaScript's own

const WRAP = { bold: "b", italic: "i", underline: "u", strikethrough: "s", code: "code", pre: "pre", blockquote: "blockquote", expandable_blockquote: "blockquote", spoiler: "mark" };

function rich(text, entities, from = 0, to = text.length) {
  const nodes = [];
  let at = from;
  const inside = entities.filter((e) => e.offset >= from && e.offset + e.length <= to);
  while (inside.length) {
    const entity = inside.shift();
    if (entity.offset < at) continue;
    const end = entity.offset + entity.length;
    nodes.push(text.slice(at, entity.offset));
    nodes.push(marked(entity, text.slice(entity.offset, end), rich(text, inside, entity.offset, end)));
    at = end;
  }
  nodes.push(text.slice(at, to));
  return nodes;
}

function marked(entity, words, children) {
  if (entity.type === "bot_command") return el("button", { type: "button", class: "tap", tabindex: -1, onclick: () => fill(words.split("@")[0] + " ") }, words);
  if (entity.type === "text_link" || entity.type === "url") {
    const url = entity.url || (/^https?:/i.test(words) ? words : `https://${words}`);
    if (/^https?:/i.test(url)) return el("a", { href: url, target: "_blank", rel: "noopener noreferrer" }, ...children);
  }
  return el(WRAP[entity.type] || "span", {}, ...children);
}

// messages

function messageNode(message) {
  const own = message.from && message.from.id === state.person;
  const canEdit = own && message.text;
  const node = el("li", { class: own ? "msg own" : "msg", tabindex: -1, "data-id": message.id });
  const bubble = el("div", { class: "bubble" });
  if (message.from) bubble.append(el("span", { class: "who" }, message.from.name));
  if (message.reply) bubble.append(el("span", { class: "quote" }, el("b", {}, message.reply.name), message.reply.text));
  bubble.append(el("div", { class: "words" }, ...rich(message.text, message.entities)));
  const meta = el("div", { class: "meta" });
  meta.append(el("button", { type: "button", class: "act", tabindex: -1, onclick: () => startReply(message) }, "Reply"));
  if (canEdit) meta.append(el("button", { type: "button", class: "act", tabindex: -1, onclick: () => startEdit(message) }, "Edit"));
  if (message.edited) meta.append(el("span", {}, "edited"));
  meta.append(el("time", { datetime: new Date(message.date * 1000).toISOString() }, clock(message.date)));
  bubble.append(meta);
  node.append(bubble);
  if (message.keyboard.length) {
    const rows = message.keyboard.map((row) => el("div", {}, ...row.map((button) => keyNode(message, button))));
    node.append(el("div", { class: "keys" }, ...rows));
  }
  return node;
}

function keyNode(message, button) {
  if (button.url) return el("button", { type: "button", onclick: () => /^https?:/i.test(button.url) && open(button.url, "_blank", "noopener") }, button.text);
  return el("button", { type: "button", "data-data": button.data, onclick: (event) => press(message, button, event.currentTarget) }, button.text);
}

async function press(message, button, node) {
  if (node.getAttribute("aria-busy") === "true") return;
  node.setAttribute("aria-busy", "true");
  const answer = await act("press", { message: message.id, data: button.data });
  node.removeAttribute("aria-busy");
  if (!answer || !answer.text) return;
  if (!answer.alert) return toast(answer.text);
  $("alert-text").textContent = answer.text;
  $("alert").showModal();
}

function visible() {
  const here = chatId();
  return [...state.messages.values()].filter((m) => m.chat === here).sort((a, b) => a.id - b.id);
}

function showChat() {
  const nodes = visible().map(messageNode);
  $("log").setAttribute("aria-live", "off"); // a change of place is not news
  $("log").replaceChildren(...nodes);
  requestAnimationFrame(() => $("log").setAttribute("aria-live", "polite"));
  if (nodes.length) nodes.at(-1).tabIndex = 0;
  $("log").scrollTop = $("log").scrollHeight;
  $("jump").hidden = true;
  state.unread.delete(chatId());
  afterMessages();
}

function afterMessages() {
  const empty = !visible().length;
  $("welcome").hidden = !empty;
  const person = state.people.find((p) => p.id === state.person);
  const group = state.chats.find((c) => c.id === chatId() && !c.private);
  $("welcome-text").textContent = group ? `This is the ${group.title} group: ${state.people.map((p) => p.short).join(", ")} and Bridge.` : "This is a private chat with Bridge, the team's bot.";
  $("first").textContent = person && person.role === "stranger" ? "Try to send an SMS" : "Send the first SMS";
  for (const node of document.querySelectorAll("#people label, #places label")) {
    const count = unreadAt(node);
    let mark = node.querySelector("i");
    if (count && !mark) node.querySelector("span").append((mark = el("i", {})));
    if (mark && count) mark.textContent = count;
    if (mark && !count) mark.remove();
  }
}

function unreadAt(label) {
  const input = label.querySelector("input");
  if (input.name === "person") return Number(input.value) === state.person ? 0 : state.unread.get(Number(input.value)) || 0;
  const chat = input.value === "private" ? state.person : Number(input.value);
  return chat === chatId() ? 0 : state.unread.get(chat) || 0;
}

function onMessage(message) {
  const key = keyOf(message.chat, message.id);
  const before = state.messages.get(key);
  state.messages.set(key, message);
  storyOfMessage(message, before);
  const fromBot = message.from && message.from.bot;
  if (message.chat !== chatId()) {
    if (!before && fromBot) state.unread.set(message.chat, (state.unread.get(message.chat) || 0) + 1);
    return afterMessages();
  }
  const stay = nearEnd();
  const node = messageNode(message);
  const old = $("log").querySelector(`[data-id="${message.id}"]`);
  if (old) {
    const focused = old.contains(document.activeElement) ? document.activeElement : null;
    node.tabIndex = old.tabIndex;
    old.replaceWith(node);
    restart(node, "flash", 1700);
    if (focused) (node.querySelector(`[data-data="${CSS.escape(focused.dataset.data || "-")}"]`) || node).focus({ preventScroll: true });
  } else {
    for (const other of $("log").children) other.tabIndex = -1;
    node.tabIndex = 0;
    node.classList.add("arriving");
    $("log").append(node);
  }
  if (stay || (!before && message.from && message.from.id === state.person)) $("log").scrollTop = $("log").scrollHeight;
  else if (!before) $("jump").hidden = false;
  if (fromBot && $("tab-chat").getAttribute("aria-selected") !== "true") badge("chat", ++state.chatUnseen);
  afterMessages();
}

// writing

function fill(text) {
  $("text").value = text;
  grow();
  $("text").focus();
  $("text").setSelectionRange(text.length, text.length);
}

// Where a screen has a keyboard one may type at once; elsewhere the focus would open one over half of the page.
function ready() {
  if (matchMedia("(hover: hover)").matches && !narrow()) $("text").focus({ preventScroll: true });
}

function grow() {
  $("text").style.height = "auto";
  $("text").style.height = `${Math.min($("text").scrollHeight + 2, 150)}px`;
}

function startReply(message) {
  endContext();
  state.reply = message;
  context(`Reply to ${message.from ? message.from.name : "the channel"}: ${message.text}`);
}

function startEdit(message) {
  endContext();
  state.editing = message;
  context("Edit your message");
  fill(message.text);
}

function context(text) {
  $("context-text").textContent = text;
  $("context").hidden = false;
  $("text").focus();
}

function endContext() {
  if (state.editing) $("text").value = "";
  state.reply = state.editing = null;
  $("context").hidden = true;
  grow();
}

async function say(text) {
  if (!text.trim()) return;
  const { editing, reply } = state;
  const done = editing ? await act("edit", { message: editing.id, text }) : await act("say", { text, reply_to: reply && reply.id });
  if (done) endContext();
  return done;
}

async function submit() {
  const text = $("text").value;
  closeMenu();
  if (await say(text)) {
    if ($("text").value === text) $("text").value = "";
    grow();
  }
}

function editLast() {
  const last = visible().filter((m) => m.from && m.from.id === state.person && m.text).at(-1);
  if (last) startEdit(last);
}

// the command menu, as the bot registered it for this person

function commands() {
  const found = state.menus.find((m) => m.person === state.person && m.chat === chatId());
  return found ? found.commands : [];
}

function openMenu(filter = "") {
  const fit = commands().filter((c) => `/${c.command}`.startsWith(filter));
  if (!fit.length) {
    closeMenu();
    if (!filter) toast("No commands for you here.");
    return;
  }
  const items = fit.map((c) => el("li", {}, el("button", { type: "button", onclick: () => (closeMenu(), fill(`/${c.command} `)) }, el("b", {}, `/${c.command}`), el("span", {}, c.description))));
  $("menu").replaceChildren(...items);
  $("menu").hidden = false;
  $("menu-open").setAttribute("aria-expanded", "true");
}

function closeMenu() {
  $("menu").hidden = true;
  $("menu-open").setAttribute("aria-expanded", "false");
}

// phones

function onSms(list, { quiet = false } = {}) {
  for (const sms of list) {
    const phone = phoneFor(sms.number);
    phone.querySelector("ol").prepend(smsNode(sms));
    if (!quiet) restart(phone, "buzz", 700);
  }
  $("clear").hidden = !$("phone-list").querySelector(".sms");
  if (quiet || !list.length) return;
  storyOfSms(list);
  const last = list.at(-1);
  phoneFor(last.number).scrollIntoView({ block: "nearest" });
  $("phone-news").textContent = `${list.length > 1 ? `${list.length} SMS. ` : ""}SMS on ${owned(last.number)}: ${last.text}`;
  if (narrow() && $("tab-phones").getAttribute("aria-selected") !== "true") {
    badge("phones", (state.smsUnseen += list.length));
    if (!list.some(isPage)) toast(`📱 ${owned(last.number)} buzzes${last.before ? " again" : ""}`);
  }
  if (navigator.vibrate && !matchMedia("(prefers-reduced-motion: reduce)").matches && navigator.userActivation?.hasBeenActive) navigator.vibrate(120);
}

const owned = (number) => (nameOf(number) ? `${nameOf(number)}’s phone` : prettyNumber(number));

function phoneFor(number) {
  const found = $("phone-list").querySelector(`[data-number="${CSS.escape(number)}"]`);
  if (found) return found;
  const name = nameOf(number);
  const heading = el("h3", {}, name ? el("b", {}, name) : null, el("span", {}, prettyNumber(number)));
  const phone = el("article", { class: "phone", "data-number": number, "aria-label": `Phone ${prettyNumber(number)}${name ? `, ${name}` : ""}` }, heading, el("ol", {}));
  $("phone-list").append(phone);
  return phone;
}

function linked(part, whole) {
  const urls = whole.match(/https?:\/\/\S+/g) || [];
  return part.split(/(https?:\/\/\S+)/).map((words) => {
    const url = words && urls.find((one) => one.startsWith(words)); // a cut may go through it
    return url ? el("a", { href: url, target: "_blank", rel: "noopener noreferrer" }, words) : words;
  });
}

function smsNode(sms) {
  const count = sms.parts.length;
  const node = el("li", { class: "sms" }, el("header", {}, el("b", {}, sms.sender), el("time", {}, clock(sms.at))));
  sms.parts.forEach((part, index) => {
    if (index) node.append(el("div", { class: "cut" }, `part ${index + 1} of ${count}`));
    node.append(el("p", {}, ...linked(part, sms.text)));
  });
  const again = sms.before ? el("span", { class: "again" }, `same text again, ${sms.before + 1}×`) : null;
  node.append(el("footer", {}, el("span", {}, `${count} ${count > 1 ? "segments" : "segment"} · ${sms.alphabet}`), again));
  return node;
}

// switches, tabs, badges

function showGateway(mode) {
  for (const input of document.querySelectorAll("#switches input")) input.checked = input.value === mode;
  $("badge-gateway").hidden = mode === "ok";
}

function badge(tab, count) {
  $(`badge-${tab}`).textContent = count;
  $(`badge-${tab}`).hidden = !count;
}

const TABS = ["chat", "phones", "alerts", "gateway"];
function showTab(name, focus) {
  document.querySelector("main").dataset.tab = name;
  for (const tab of TABS) {
    const chosen = tab === name;
    $(`tab-${tab}`).setAttribute("aria-selected", chosen);
    $(`tab-${tab}`).tabIndex = chosen ? 0 : -1;
    if (chosen && focus) $(`tab-${tab}`).focus();
  }
  if (name === "phones") badge("phones", (state.smsUnseen = 0));
  if (name === "chat") badge("chat", (state.chatUnseen = 0));
}

function segment(box, name, items, chosen, change) {
  const labels = items.map(([value, text, small]) =>
    el("label", {}, el("input", { type: "radio", name, value, checked: value === chosen, onchange: () => change(value) }), el("span", {}, text, small ? el("small", {}, ` ${small}`) : null)));
  for (const old of box.querySelectorAll("label")) old.remove();
  box.append(...labels);
}

function choosePerson(id) {
  state.person = Number(id);
  $("lead-name").textContent = state.people.find((p) => p.id === state.person).short;
  endContext();
  showChat();
}

function choosePlace(place) {
  state.place = place;
  endContext();
  showChat();
}

// the server's news

function onAbout(about) {
  state.chats = about.chats;
  state.menus = about.menus;
  state.bot = about.bot;
}

function onSnapshot(data) {
  state.people = data.people;
  onAbout(data.about);
  const fresh = !state.person;
  if (fresh) state.person = data.people[0].id;
  state.messages = new Map(data.messages.map((m) => [keyOf(m.chat, m.id), m]));
  if (fresh) {
    segment($("people"), "person", data.people.map((p) => [String(p.id), p.short, p.role]), String(state.person), choosePerson);
    const groups = data.about.chats.filter((c) => !c.private).map((c) => [String(c.id), `${c.title} group`]);
    segment($("places"), "place", [["private", "Private chat"], ...groups], state.place, choosePlace);
    $("switches").append(...data.switches.map((s) =>
      el("label", { class: s.mode === "ok" ? "" : "broken", title: s.sentence },
        el("input", { type: "radio", name: "mode", value: s.mode, onchange: () => act("gateway", { mode: s.mode }) }),
        el("span", {}, s.label), el("small", {}, s.sentence))));
  }
  onPlan(data.oncall);
  onAlerts(data.alerts);
  $("phone-list").replaceChildren();
  for (const person of data.oncall.people) phoneFor(person.number);
  onSms(data.phones, { quiet: true });
  showGateway(data.gateway);
  showChat();
  if (fresh) ready();
}

function listen() {
  const source = new EventSource("events");
  const on = (name, handle) => source.addEventListener(name, (event) => handle(JSON.parse(event.data)));
  source.addEventListener("open", () => ($("offline").hidden = true));
  source.addEventListener("error", () => {
    $("offline").hidden = false;
    if (source.readyState === EventSource.CLOSED) setTimeout(listen, 1500);
  });
  on("snapshot", onSnapshot);
  on("message", onMessage);
  on("gone", ({ chat, id }) => {
    state.messages.delete(keyOf(chat, id));
    if (chat === chatId()) $("log").querySelector(`[data-id="${id}"]`)?.remove();
    afterMessages();
  });
  on("sms", (list) => onSms(list));
  on("alerts", onAlerts);
  on("gateway", ({ mode }) => showGateway(mode));
  on("about", onAbout);
}

// keys and clicks

$("composer").addEventListener("submit", (event) => (event.preventDefault(), submit()));
$("text").addEventListener("input", () => {
  grow();
  const text = $("text").value;
  if (/^\/\w*$/.test(text)) openMenu(text);
  else closeMenu();
});
$("text").addEventListener("keydown", (event) => {
  if (event.isComposing) return;
  if (event.key === "Enter" && !event.shiftKey) (event.preventDefault(), submit());
  else if (event.key === "Escape") (closeMenu(), endContext());
  else if (event.key === "ArrowUp" && !$("menu").hidden) (event.preventDefault(), $("menu").querySelector("li:last-child button").focus());
  else if (event.key === "ArrowUp" && !$("text").value) (event.preventDefault(), editLast());
});
$("menu").addEventListener("keydown", (event) => {
  const buttons = [...$("menu").querySelectorAll("button")];
  const at = buttons.indexOf(document.activeElement);
  if (event.key === "ArrowDown") (event.preventDefault(), (buttons[at + 1] || $("text")).focus());
  else if (event.key === "ArrowUp") (event.preventDefault(), (buttons[at - 1] || buttons.at(-1)).focus());
  else if (event.key === "Escape") (closeMenu(), $("text").focus());
});
$("menu-open").addEventListener("click", () => {
  if (!$("menu").hidden) return closeMenu();
  openMenu();
  $("menu").querySelector("button")?.focus();
});
document.addEventListener("click", (event) => {
  if (!$("composer").contains(event.target)) closeMenu();
});
$("log").addEventListener("keydown", (event) => {
  const here = event.target.closest(".msg");
  if (!here || event.target !== here) return;
  const to = { ArrowUp: here.previousElementSibling, ArrowDown: here.nextElementSibling, Home: $("log").firstElementChild, End: $("log").lastElementChild }[event.key];
  const message = state.messages.get(keyOf(chatId(), Number(here.dataset.id)));
  if (to) {
    event.preventDefault();
    here.tabIndex = -1;
    to.tabIndex = 0;
    to.focus();
  } else if (event.key === "Enter" || event.key === "r") (event.preventDefault(), startReply(message));
  else if (event.key === "e" && message.from && message.from.id === state.person) (event.preventDefault(), startEdit(message));
});
let pinned = true; // the reader is at the newest message, and stays there when the window changes
$("log").addEventListener("scroll", () => {
  pinned = nearEnd();
  if (pinned) $("jump").hidden = true;
});
new ResizeObserver(() => pinned && ($("log").scrollTop = $("log").scrollHeight)).observe($("log"));
$("jump").addEventListener("click", () => ($("log").scrollTop = $("log").scrollHeight));
$("context-end").addEventListener("click", () => (endContext(), $("text").focus()));
$("clear").addEventListener("click", () => act("clear", {}));
$("first").addEventListener("click", () => (say(TRY[0][1]), ready()));
for (const tab of TABS) $(`tab-${tab}`).addEventListener("click", () => showTab(tab));
document.querySelector(".tabs").addEventListener("keydown", (event) => {
  const at = TABS.indexOf(document.querySelector("main").dataset.tab);
  const to = { ArrowLeft: at - 1, ArrowRight: at + 1, Home: 0, End: -1 }[event.key];
  if (to !== undefined) (event.preventDefault(), showTab(TABS.at(to % TABS.length), true));
});
$("chips").append(...TRY.map(([label, text]) => el("button", { type: "button", title: text, onclick: () => say(text) }, label)));
listen();
