// Alerts: what fires, who is to be paged, and one line that says what happens and what comes next.
// That line is told from what anybody sees: the phones, the cards, and the waits that the on-call file names.
"use strict";

const story = { plan: null, rules: new Map(), step: -1, rounds: 0, acked: false, buzzed: [], timer: 0 };

const isPage = (sms) => /\/ack P\d+/.test(sms.text) && nameOf(sms.number) !== undefined;
const ACK_WAIT_S = 60; // the demo's ack_timeout
const both = (names) => (names.length < 2 ? names.join("") : `${names.slice(0, -1).join(", ")} and ${names.at(-1)}`);
const nameOf = (number) => story.plan?.people.find((p) => p.number === number)?.name;

function everybody(names) {
  return names.length === story.plan.people.length;
}

function phonesOf(names) {
  if (everybody(names)) return "everybody’s phone buzzes";
  return names.length > 1 ? `the phones of ${both(names)} buzz` : `${names[0]}’s phone buzzes`;
}

function tell(text, waitS = 0) {
  const line = text[0].toUpperCase() + text.slice(1);
  if ($("story-text").textContent === line) return; // a card may stand in two chats
  $("lead").hidden = true;
  $("story").hidden = false;
  $("story-text").textContent = line;
  const bar = $("story-wait");
  bar.classList.remove("runs");
  void bar.offsetWidth; // so that it starts anew
  bar.style.animationDuration = `${waitS}s`;
  bar.classList.toggle("runs", waitS > 0);
}

// what fires

function onAlerts(rules) {
  const fresh = !story.rules.size;
  for (const rule of rules) {
    const before = story.rules.get(rule.key);
    story.rules.set(rule.key, rule);
    if (fresh || before.firing === rule.firing) continue;
    startAnew(false);
    tell(rule.firing ? `“${rule.title}” fires. Who is on call?` : `“${rule.title}” is over, says the alert source.`);
  }
  if (fresh) $("rules").append(...rules.map(ruleNode));
  for (const rule of rules) showRule(rule);
  const firing = rules.filter((rule) => rule.firing).length;
  badge("alerts", firing);
}

function startAnew(acked) {
  Object.assign(story, { step: -1, rounds: 0, acked });
}

function ruleNode(rule) {
  const button = el("button", { type: "button", onclick: (event) => toggle(rule.key, event.currentTarget) });
  return el("li", { "data-key": rule.key }, el("span", {}, el("b", {}, rule.title), el("small", { class: rule.severity }, rule.severity)), button);
}

function showRule(rule) {
  const node = $("rules").querySelector(`[data-key="${rule.key}"]`);
  const verb = rule.firing ? "Resolve" : "Fire";
  node.classList.toggle("firing", rule.firing);
  node.querySelector("button").textContent = verb;
  node.querySelector("button").setAttribute("aria-label", `${verb}: ${rule.title}`);
}

async function toggle(key, button) {
  if (button.getAttribute("aria-busy") === "true") return;
  button.setAttribute("aria-busy", "true");
  const fire = !story.rules.get(key).firing;
  await act("alert", { key, state: fire ? "firing" : "resolved" });
  button.removeAttribute("aria-busy");
  if (!fire) return;
  if (narrow()) showTab("phones");
  watchCards(key);
}

// The chat shows where the cards stand: so cards and phones are in one view.
function watchCards(key) {
  const chat = state.chats.find((one) => (story.plan.chats[key] ? one.id === story.plan.chats[key] : !one.private));
  if (!chat || chat.id === chatId()) return;
  if (chat.private) choose("people", chat.id, choosePerson);
  choose("places", chat.private ? "private" : chat.id, choosePlace);
}

function choose(box, value, change) {
  $(box).querySelector(`input[value="${value}"]`).checked = true;
  change(String(value));
}

function onPlan(plan) {
  story.plan = plan;
  const parts = plan.steps.map((step) => (everybody(step.who) ? "everybody" : both(step.who)));
  const words = parts.map((part, index) => (index ? ` → ${plan.steps[index - 1].wait_s} s → ${part}` : part));
  $("plan").replaceChildren(el("b", {}, words.join("")));
}

// what happens

function storyOfSms(list) {
  const pages = list.filter(isPage);
  if (!pages.length) return;
  story.buzzed.push(...pages.map((sms) => nameOf(sms.number)));
  const more = Number(pages.at(-1).text.match(/\+(\d+) more/)?.[1] || 0);
  clearTimeout(story.timer); // the pages of one step arrive one by one
  story.timer = setTimeout(() => tellPage([...new Set(story.buzzed.splice(0))], more), 250);
}

function tellPage(names, more) {
  const { steps } = story.plan;
  const here = steps.findIndex((step) => step.who.length === names.length && step.who.every((name) => names.includes(name)));
  const unanswered = here > 0 && story.step === here - 1;
  const again = here === 0 && story.step === steps.length - 1;
  const last = here === steps.length - 1;
  story.step = here;
  if (last) story.rounds += 1;
  const many = more ? `, one SMS for ${more + 1} alerts` : "";
  const why = unanswered ? `nobody answered for ${steps[here - 1].wait_s} s: ` : again ? "still nobody, so it starts over: " : "";
  const first = story.acked ? "acknowledged, and it still fires: " : why;
  story.acked = false;
  const over = story.rounds > story.plan.repeat + 1;
  tell(`${first}${phonesOf(names)}${many}. ${nextOf(here)}`.trim(), here >= 0 && !over ? steps[here].wait_s : 0);
}

function nextOf(here) {
  if (here < 0) return "";
  const { steps, repeat } = story.plan;
  if (story.rounds > repeat + 1) return "From now on every 30 minutes.";
  const wait = `No Ack within ${steps[here].wait_s} s?`;
  if (here < steps.length - 1) return `${wait} Then ${everybody(steps[here + 1].who) ? "everybody" : both(steps[here + 1].who)}’s.`;
  return story.rounds > repeat ? `${wait} Once more, and then every 30 minutes.` : `${wait} It starts over.`;
}

function storyOfMessage(message, before) {
  if (!message.from?.bot) return;
  const fresh = (pattern) => {
    const found = message.text.match(pattern);
    return found && !(before && pattern.test(before.text)) ? found : null;
  };
  const acked = fresh(/acknowledged by (.+?) at /);
  const resolved = fresh(/resolved by (.+?) at /);
  const stormed = fresh(/Storm S\d+ · (\d+) alerts/);
  const others = [...story.rules.values()].filter((rule) => rule.firing).length > 1;
  if (acked || resolved) startAnew(Boolean(acked) && !resolved && !others);
  if (resolved) tell(`Over: resolved by ${resolved[1]}. Nobody is paged about it any more.`);
  else if (acked && others) tell(`${acked[1]} took one of them. What else fires pages on.`);
  else if (acked) tell(`${acked[1]} took it: nobody else is paged. Still firing in ${ACK_WAIT_S} s? It pages again.`, ACK_WAIT_S);
  else if (stormed) tell(`One card stands for ${stormed[1]} alerts. ${story.step >= 0 ? nextOf(story.step) : ""}`.trim());
}
