// Documents in a real browser: `node documents_page.js FOLDER PAGE…`.
//
// FOLDER takes the screenshots, PAGE is a file that transload wrote. Needs playwright-core and a Chromium ($CHROMIUM, else
// /usr/bin/chromium). Ends with 1 at the first thing that is not so.
"use strict";

const assert = require("node:assert");
const fs = require("node:fs");
const path = require("node:path");
const { pathToFileURL } = require("node:url");
const { chromium } = require("playwright-core");

const [folder, ...pages] = process.argv.slice(2);
const flags = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-background-networking",
  "--disable-component-update", "--disable-sync"];
const looks = [
  ["light", { colorScheme: "light", viewport: { width: 1300, height: 900 } }],
  ["dark", { colorScheme: "dark", viewport: { width: 1300, height: 900 } }],
  ["narrow", { colorScheme: "light", viewport: { width: 380, height: 900 } }],
];

async function open(browser, file, options) {
  const page = await (await browser.newContext(options)).newPage();
  page.problems = [];
  page.elsewhere = [];
  page.on("console", (line) => line.type() === "error" && page.problems.push(line.text()));
  page.on("pageerror", (error) => page.problems.push(String(error)));
  const own = pathToFileURL(file).href;
  page.on("request", (request) => request.url().split("#")[0] !== own && page.elsewhere.push(request.url()));
  await page.goto(own);
  return page;
}

// What holds of every page however it is looked at.
async function look(browser, file, name) {
  for (const [look, options] of looks) {
    const page = await open(browser, file, options);
    const [whole, seen, widest] = await page.evaluate(() => {
      const { scrollWidth, clientWidth } = document.documentElement;
      const over = [...document.querySelectorAll("body *")].filter((one) => one.scrollWidth > one.clientWidth + 1);
      return [scrollWidth, clientWidth, over.map((one) => `${one.tagName} ${one.textContent.trim().slice(0, 60)}`).slice(-3)];
    });
    assert.ok(whole <= seen, `${name}, ${look}: the page is ${whole} wide and ${seen} of it are seen: ${widest.join("; ")}`);
    const [ink, paper] = await page.evaluate(() => {
      const style = getComputedStyle(document.body);
      return [style.color, style.backgroundColor];
    });
    assert.ok(contrast(ink, paper) >= 7, `${name}, ${look}: ${ink} on ${paper}`);
    await page.screenshot({ path: path.join(folder, `${name}-${look}.png`) });
    assert.deepStrictEqual([page.problems, page.elsewhere], [[], []], `${name}, ${look}`);
    await page.context().close();
  }
}

function contrast(one, other) {
  const light = (color) => {
    const parts = color.match(/[\d.]+/g).slice(0, 3).map((part) => part / 255);
    const [r, g, b] = parts.map((c) => (c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const [more, less] = [light(one), light(other)].sort((a, b) => b - a);
  return (more + 0.05) / (less + 0.05);
}

// What is in the page: its parts, names for screen readers, nothing that runs but its own script.
async function inspect(browser, file, name) {
  const size = fs.statSync(file).size;
  assert.ok(size <= 2_000_000, `${name} has ${size} bytes`);
  const page = await open(browser, file, looks[0][1]);
  const found = await page.evaluate(() => {
    const nameless = (one) => !one.getAttribute("aria-label") && !one.textContent.trim() && !one.labels?.length;
    const all = (selector) => [...document.querySelectorAll(selector)];
    return {
      language: document.documentElement.lang,
      heads: all("h1").length,
      main: all("main").length,
      policy: all('meta[http-equiv="Content-Security-Policy"]').map((meta) => meta.content),
      scripts: all("script").map((script) => [script.src, script.textContent.length]),
      nameless: all("button, input, a").filter(nameless).length,
      captionless: all("table").filter((table) => !table.caption?.textContent.trim()).length,
      scopeless: all("thead th").filter((head) => head.scope !== "col").length,
      pictures: all("svg").filter((svg) => svg.getAttribute("aria-hidden") !== "true" && !svg.getAttribute("role")).length,
      undrawn: all("svg").filter((svg) => !svg.parentElement.querySelector("table")).length,
      dead: all('a[href^="#"]').filter((link) => !document.getElementById(link.hash.slice(1))).length,
      unsourced: all("section[id^=part-]").filter((part) => !part.querySelector(".source a")).length,
      images: all("img, iframe, object, embed, link, form").length,
      hurt: window.hurt,
    };
  });
  assert.strictEqual(found.language, "en", name);
  assert.deepStrictEqual([found.heads, found.main, found.policy.length], [1, 1, 1], name);
  assert.match(found.policy[0], /default-src 'none'/, name);
  assert.strictEqual(found.scripts.length, 1, name);
  assert.ok(found.scripts[0][0] === "" && found.scripts[0][1] <= 10_000, `${name}: ${found.scripts}`);
  for (const what of ["nameless", "captionless", "scopeless", "pictures", "undrawn", "dead", "unsourced", "images"]) {
    assert.strictEqual(found[what], 0, `${name}: ${found[what]} ${what}`);
  }
  assert.strictEqual(found.hurt, undefined, `${name}: a name of the export ran as a script`);
  // A script that got into the page would not run.
  await page.evaluate(() => {
    const script = document.createElement("script");
    script.textContent = "window.injected = true";
    document.body.append(script);
  });
  assert.strictEqual(await page.evaluate(() => window.injected), undefined, `${name}: its policy lets foreign scripts run`);
  await page.context().close();
}

// Lists can be sorted and searched, by keyboard as well.
async function use(browser, file, name) {
  const page = await open(browser, file, looks[0][1]);
  const table = await page.evaluate(() => {
    const many = [...document.querySelectorAll("table")].filter((table) => table.tBodies[0].rows.length > 2);
    return many[0]?.id;
  });
  if (!table) return 0;
  const texts = () => page.$$eval(`#${table} tbody tr`, (rows) => rows.map((row) => row.cells[0].textContent));
  const before = await texts();
  await page.focus(`#${table} thead th button`);
  await page.keyboard.press("Enter");
  const sorted = [...before].sort((one, other) => one.localeCompare(other));
  const numeric = await page.$eval(`#${table} thead th`, (head) => head.classList.contains("number"));
  if (!numeric) assert.deepStrictEqual(await texts(), sorted, `${name}: sorted by its first column`);
  assert.strictEqual(await page.getAttribute(`#${table} thead th`, "aria-sort"), "ascending", name);
  await page.keyboard.press("Enter");
  assert.strictEqual(await page.getAttribute(`#${table} thead th`, "aria-sort"), "descending", name);
  const search = await page.$("input[type=search]");
  if (search) {
    const id = await search.getAttribute("data-table");
    const shown = () => page.$$eval(`#${id} tbody tr`, (rows) => rows.filter((row) => !row.hidden).length);
    const all = await shown();
    await search.fill("no row says this");
    assert.strictEqual(await shown(), 0, `${name}: searched for what is not there`);
    await search.fill("");
    assert.strictEqual(await shown(), all, `${name}: an empty search shows all`);
  }
  // Every table can be copied, and a key is enough for it.
  const copies = await page.$$eval("main table", (tables) => tables.map((table) => table.previousElementSibling?.className));
  assert.deepStrictEqual([...new Set(copies)], ["copy"], `${name}: a table without a button to copy it`);
  await page.context().grantPermissions(["clipboard-read", "clipboard-write"]);
  const [head, first] = await page.$eval(`#${table}`, (one) => [...one.rows].slice(0, 2).map((row) => row.cells[0].textContent));
  await page.focus(`#${table} >> xpath=preceding-sibling::button[@class="copy"][1]`);
  await page.keyboard.press("Enter");
  await page.waitForFunction(() => [...document.querySelectorAll(".copy")].some((one) => one.textContent === "Copied"));
  const copied = (await page.evaluate(() => navigator.clipboard.readText())).split("\n");
  const spaced = (text) => text.replace(/\s+/g, " ");
  assert.deepStrictEqual([copied[0].split("\t")[0], copied[1].split("\t")[0]], [spaced(head), spaced(first)], `${name}: copied`);
  await page.emulateMedia({ media: "print" });
  const printed = await page.$eval("nav", (nav) => getComputedStyle(nav).display);
  assert.strictEqual(printed, "none", `${name}: its contents are printed`);
  await page.context().close();
  return 1;
}

async function main() {
  assert.ok(pages.length > 0, "no pages were given");
  const browser = await chromium.launch({ executablePath: process.env.CHROMIUM || "/usr/bin/chromium", args: flags });
  try {
    let used = 0;
    for (const file of pages) {
      const name = path.basename(path.dirname(file)) + "-" + path.basename(file, ".html");
      await look(browser, file, name);
      await inspect(browser, file, name);
      used += await use(browser, file, name);
    }
    assert.ok(used > pages.length / 2, "hardly a page has a list that can be sorted");
    console.log(`${pages.length} documents hold in light, dark, narrow and print; ${used} of them with lists`);
  } finally {
    await browser.close();
  }
}

main().catch((error) => {
  console.error(error.message);
  process.exit(1);
});
