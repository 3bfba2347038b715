// The pages work without this file. With it: a preview, a live counter and price, progress as it happens, and comparing.
"use strict";

const $ = (id) => document.getElementById(id);
const all = (selector, within = document) => [...within.querySelectorAll(selector)];
const isCalm = matchMedia("(prefers-reduced-motion: reduce)").matches;
document.documentElement.classList.add("script");

/** Tells it to screen readers. */
function say(text) {
  $("news").textContent = text;
}

/** Brings a page of ours, to take parts of it over. */
async function fetchPage(address) {
  const answer = await fetch(address, { headers: { Accept: "text/html" } });
  if (!answer.ok || answer.redirected) throw new Error(`The page is not there (${answer.status})`);
  return new DOMParser().parseFromString(await answer.text(), "text/html");
}

// MARK: Times

/** Writes times in the reader's own zone and way. */
function showTimes(within = document) {
  const forms = {
    day: { dateStyle: "medium" },
    minute: { dateStyle: "medium", timeStyle: "short" },
  };
  for (const time of all("time[data-show]", within)) {
    time.textContent = new Intl.DateTimeFormat(undefined, forms[time.dataset.show]).format(new Date(time.dateTime));
  }
}

// What the service said when the page was opened goes on by this device's clock, which may be wrong.
const opened = Date.now();

function showElapsed() {
  for (const place of all("[data-elapsed]")) {
    const seconds = Number(place.dataset.elapsed) + Math.max(0, Math.floor((Date.now() - opened) / 1000));
    const time = `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
    place.textContent = (place.dataset.before ?? "") + time + (place.dataset.after ?? "");
  }
}

// MARK: Form

function setUpForm(form) {
  const [input, shot, drop, view] = ["image", "shot", "drop", "drop-view"].map($);
  const prompt = $("prompt");
  let hasPhoto = drop.hasAttribute("data-has-photo");

  function complain(text, field) {
    const notice = $("order-problem");
    notice.textContent = text;
    notice.hidden = !text;
    for (const each of [prompt, input]) each.removeAttribute("aria-invalid");
    if (!text) return;
    if (field) {
      field.setAttribute("aria-invalid", "true");
      field.focus();
    }
    notice.scrollIntoView({ block: "nearest" });
  }

  // A photo

  function take(file) {
    if (!["image/jpeg", "image/png", "image/webp"].includes(file.type)) {
      return complain(`“${file.name}” is no JPEG, PNG or WebP. Save it as one of these and try again.`, input);
    }
    if (file.size > 25_000_000) {
      return complain(`“${file.name}” has more than 25 MB. Save it smaller and try again.`, input);
    }
    const files = new DataTransfer();
    files.items.add(file);
    input.files = files.files;
    complain("");
    const old = view.querySelector("img[src^='blob:']");
    if (old) URL.revokeObjectURL(old.src);
    const image = new Image();
    image.alt = `Your photo, ${file.name}`;
    image.src = URL.createObjectURL(file);
    image.onerror = () => {
      view.replaceChildren();
      $("image-label").textContent = "Choose a photo";
      drop.removeAttribute("data-has-photo");
      hasPhoto = false;
      input.value = "";
      complain(`“${file.name}” cannot be read as a picture. Save it again and try once more.`, input);
    };
    view.replaceChildren(image);
    drop.setAttribute("data-has-photo", "");
    $("image-label").textContent = "Use another photo";
    hasPhoto = true;
    say(`Photo chosen: ${file.name}`);
  }

  for (const each of [input, shot]) {
    each.addEventListener("change", () => each.files[0] && take(each.files[0]));
  }
  if (matchMedia("(pointer: coarse)").matches) {
    shot.hidden = $("shot-label").hidden = false;
  }
  let depth = 0;
  const isFile = (event) => [...(event.dataTransfer?.types ?? [])].includes("Files");
  document.addEventListener("dragenter", (event) => isFile(event) && ++depth && drop.classList.add("over"));
  document.addEventListener("dragleave", (event) => isFile(event) && --depth <= 0 && drop.classList.remove("over"));
  document.addEventListener("dragover", (event) => isFile(event) && event.preventDefault());
  document.addEventListener("drop", (event) => {
    if (!isFile(event)) return;
    event.preventDefault();
    depth = 0;
    drop.classList.remove("over");
    if (event.dataTransfer.files[0]) take(event.dataTransfer.files[0]);
  });
  document.addEventListener("paste", (event) => {
    const file = [...(event.clipboardData?.files ?? [])].find((each) => each.type.startsWith("image/"));
    if (!file) return;
    event.preventDefault();
    take(file);
  });

  // Words: the server counts code points, too, without white space at both ends.

  const most = Number(prompt.dataset.most);
  const count = () => [...prompt.value.replace(/^\p{White_Space}+|\p{White_Space}+$/gu, "")].length;
  function showCount() {
    const now = count();
    $("count-now").textContent = now;
    $("count").classList.toggle("over", now > most);
    if (now <= most) prompt.removeAttribute("aria-invalid");
  }
  $("count").hidden = $("ideas").hidden = false;
  prompt.addEventListener("input", showCount);
  showCount();
  for (const idea of all(".idea")) {
    idea.addEventListener("click", () => {
      prompt.value = idea.textContent;
      showCount();
      prompt.focus();
    });
  }

  // What the model takes, and what it costs

  const list = (text) => text.split(" ").filter(Boolean);
  const chosen = (name) => form.querySelector(`[name=${name}]:checked`);
  function offer(name, values, usual) {
    for (const each of all(`[name=${name}]`, form)) {
      const isOffered = values.includes(each.value) && !("never" in each.dataset);
      each.disabled = !isOffered;
      // What another plan offers stays in sight, with the reason; what the model cannot do is out of the way.
      each.closest(".choice").hidden = !values.includes(each.value);
    }
    const now = chosen(name);
    if (now && !now.disabled) return;
    const next = form.querySelector(`[name=${name}][value="${usual}"]:enabled`) ??
      form.querySelector(`[name=${name}]:enabled`);
    if (next) next.checked = true;
  }
  function showModel() {
    const model = chosen("model");
    const free = list(model.dataset.durations);
    offer("resolution", list(model.dataset.resolutions), model.dataset.usual);
    offer("duration", [...free, ...list(model.dataset.paid)], free[0]);
    $("prompt-hint").textContent = model.dataset.hint;
    $("ideas").hidden = !("needsPrompt" in model.dataset) && free.length > 1;
    const key = `${chosen("resolution")?.value}/${chosen("duration")?.value}=`;
    const price = model.dataset.prices.split(";").find((each) => each.startsWith(key));
    $("price").textContent = price ? price.slice(key.length) : "";
  }
  form.addEventListener("change", showModel);
  showModel();

  // Sending

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    if (!hasPhoto) return complain("Choose a photo first.", input);
    const length = count();
    if (length > most) return complain(`Prompt is required (max ${most} characters). Yours has ${length}.`, prompt);
    if (length === 0 && "needsPrompt" in chosen("model").dataset) {
      return complain("Say in a few words what should happen; this model needs them.", prompt);
    }
    complain("");
    send();
  });

  function setBusy(isBusy) {
    $("animate").disabled = isBusy;
    $("animate").textContent = isBusy ? "One moment …" : "Animate";
    $("upload").hidden = !isBusy || !input.files.length;
  }
  function send() {
    const request = new XMLHttpRequest();
    request.open("POST", form.action);
    request.setRequestHeader("Accept", "text/html");
    request.responseType = "document";
    request.upload.onprogress = (event) => {
      $("upload-bar").value = event.lengthComputable ? (100 * event.loaded) / event.total : 0;
    };
    request.onerror = () => {
      setBusy(false);
      complain("The service cannot be reached. Check your connection and press Animate again.");
    };
    request.onload = () => {
      if (request.status === 200) return location.assign(request.responseURL);
      setBusy(false);
      const problem = request.response?.getElementById("order-problem") ?? request.response?.querySelector("main p");
      complain(problem?.textContent.trim() || "That did not work. Try again in a moment.");
    };
    // Fields that are disabled are left out, and the file twice would be two.
    request.send(new FormData(form));
    setBusy(true);
    say("Sending the photo");
  }
  // Shown again by Back: what is sent now is another order.
  addEventListener("pageshow", (event) => event.persisted && location.reload());
}

// MARK: Progress

/** Follows an animation until it has ended: by events, and where they do not come, by asking. */
async function follow(element, byEvents) {
  const path = element.dataset.follow;
  let failures = 0;
  while (element.isConnected) {
    if (document.hidden) await new Promise((done) => document.addEventListener("visibilitychange", done, { once: true }));
    try {
      const useEvents = byEvents && failures < 2;
      const isOver = useEvents ? await readEvents(path, element) : show(element, await ask(path));
      if (isOver) return finish(element);
      failures = 0;
      if (!useEvents) await pause(4_000);
    } catch (error) {
      if (error.isGone) return finish(element);
      failures += 1;
      await pause(Math.min(30_000, 1_000 * 2 ** failures));
    }
  }
}

const pause = (time) => new Promise((done) => setTimeout(done, time));

async function call(path, signal) {
  const answer = await fetch(path, { headers: { "X-Zoetrope-Page": "1" }, signal });
  if (answer.ok) return answer;
  throw Object.assign(new Error(`${path}: ${answer.status}`), { isGone: [401, 404].includes(answer.status) });
}

const ask = async (path) => (await call(path)).json();

/** Reads a stream of events; true at the animation's end. A page that is out of sight lets go of its connection. */
async function readEvents(path, element) {
  const stop = new AbortController();
  const hide = () => document.hidden && stop.abort();
  document.addEventListener("visibilitychange", hide);
  try {
    const reader = (await call(`${path}/events`, stop.signal)).body.pipeThrough(new TextDecoderStream()).getReader();
    let text = "";
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return false;
      text += value;
      const events = text.split("\n\n");
      text = events.pop();
      for (const event of events) {
        const data = event.split("\n").filter((line) => line.startsWith("data:")).map((line) => line.slice(5)).join("\n");
        if (data && show(element, JSON.parse(data))) return true;
      }
    }
  } catch (error) {
    if (stop.signal.aborted) return false;
    throw error;
  } finally {
    stop.abort();
    document.removeEventListener("visibilitychange", hide);
  }
}

/** Shows how far it is; true when it has ended. */
function show(element, animation) {
  const bar = element.querySelector("progress");
  if (bar) bar.value = animation.progress;
  const steps = all("[data-step]", element);
  const present = steps.find((each) => each.dataset.step === animation.step);
  if (present && !present.hasAttribute("aria-current")) {
    for (const each of steps) each.removeAttribute("aria-current");
    present.setAttribute("aria-current", "step");
    if (element.id === "show") say(present.textContent);
  }
  return animation.status !== "pending";
}

/** Puts the ended animation in the place of the one that was followed. */
async function finish(element) {
  let page;
  try {
    page = await fetchPage(location.href);
  } catch {
    return location.reload();
  }
  const fresh = page.getElementById(element.id);
  if (!fresh) return location.reload();
  const hadFocus = element.contains(document.activeElement);
  element.replaceWith(fresh);
  document.title = page.title;
  setUp(fresh);
  const title = fresh.querySelector("h1, .card-title").textContent;
  say(`${fresh.matches("[data-status=ready], .card-ready") ? "Ready" : "Failed"}: ${title}`);
  if (hadFocus) $("show-title")?.focus();
}

// MARK: One animation

function setUpVideo(video) {
  if (!isCalm) video.play().catch(() => {});
  // A signed address ends; the page has a new one.
  let hasTried = false;
  video.addEventListener("error", async () => {
    if (hasTried) return;
    hasTried = true;
    const fresh = (await fetchPage(location.href)).getElementById("video");
    if (fresh) video.src = fresh.src;
  });
}

function setUpCompare(button) {
  const [compare, split, video] = ["compare", "split", "video"].map($);
  const move = () => {
    compare.style.setProperty("--at", `${split.value}%`);
    split.setAttribute("aria-valuetext", `${split.value} percent photo`);
  };
  button.hidden = false;
  button.addEventListener("click", () => {
    compare.hidden = !compare.hidden;
    button.setAttribute("aria-pressed", String(!compare.hidden));
    video.controls = compare.hidden;
    if (!compare.hidden) {
      video.play().catch(() => {});
      split.focus();
    }
  });
  split.addEventListener("input", move);
  move();
}

function setUpShare(share) {
  const [copy, send] = [$("copy"), $("send")];
  copy.hidden = false;
  copy.addEventListener("click", async () => {
    const link = $("share-link");
    link.select();
    try {
      await navigator.clipboard.writeText(link.value);
      copy.textContent = "Copied";
      say("The link was copied");
    } catch {
      say("The link is selected; copy it with your keyboard");
    }
  });
  if (navigator.share && matchMedia("(pointer: coarse)").matches) {
    send.hidden = false;
    send.addEventListener("click", () => navigator.share({ url: $("share-link").value }).catch(() => {}));
  }
  // A link lives longest when it is made at the moment it is wanted.
  share.addEventListener("toggle", async () => {
    if (!share.open) return;
    const fresh = (await fetchPage(location.href)).getElementById("share");
    if (!fresh) return;
    $("share-link").value = fresh.querySelector("input").value;
    share.querySelector("time").replaceWith(fresh.querySelector("time"));
    showTimes(share);
  });
}

function setUpDelete(link) {
  const dialog = $("delete-dialog");
  link.setAttribute("role", "button");
  link.addEventListener("click", (event) => {
    event.preventDefault();
    dialog.showModal();
    $("delete-not").focus();
  });
  link.addEventListener("keydown", (event) => {
    if (event.key === " ") {
      event.preventDefault();
      link.click();
    }
  });
  $("delete-not").addEventListener("click", () => dialog.close());
  dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
}

// MARK: Gallery

/** Shows the video in a card while it is pointed at. */
function setUpGlimpse(place) {
  const card = place.closest(".card-link");
  card.addEventListener("pointerenter", (event) => {
    if (isCalm || event.pointerType !== "mouse" || place.firstChild) return;
    const video = Object.assign(document.createElement("video"), { muted: true, loop: true, playsInline: true, autoplay: true });
    video.src = place.dataset.video;
    video.tabIndex = -1;
    place.replaceChildren(video);
  });
  card.addEventListener("pointerleave", () => place.replaceChildren());
}

// MARK: Start

/** Sets up what is in a part of the page, which may have been put there just now. */
function setUp(within) {
  showTimes(within);
  const find = (selector, action) => all(selector, within).forEach(action);
  find("#order", setUpForm);
  find("#video", setUpVideo);
  find("#compare-switch", setUpCompare);
  find("#share", setUpShare);
  find("#delete", setUpDelete);
  find(".glimpse", setUpGlimpse);
  find("#filters select", (select) => select.addEventListener("change", () => select.form.requestSubmit()));
  // Browsers keep few connections to one service: the newest are told at once, the others ask.
  const pending = all("[data-follow]", within);
  pending.forEach((element, place) => follow(element, place < 2));
}

setUp(document);
if (document.querySelector("[data-elapsed]")) {
  showElapsed();
  setInterval(showElapsed, 1_000);
}
