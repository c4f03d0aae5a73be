// The review page in a real browser: `node review_page.js URL MAP FOLDER`.
//
// URL is what `transload map review` printed, MAP the field map that it decides, FOLDER takes the screenshots. Needs
// playwright-core and a Chromium ($CHROMIUM, else /usr/bin/chromium). Ends with 1 at the first thing that is not so.
"use strict";

const assert = require("node:assert");
const fs = require("node:fs");
const path = require("node:path");
const { chromium } = require("playwright-core");

const [url, map, folder] = process.argv.slice(2);
const flags = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-background-networking",
  "--disable-component-update", "--disable-sync"];
const read = () => fs.readFileSync(map, "utf8");
const waiting = async (page) => Number((await page.textContent("#count")).match(/^(\d+) row/)?.[1] ?? 0);

async function open(browser, options = {}) {
  const page = await (await browser.newContext(options)).newPage();
  page.problems = [];
  page.elsewhere = [];
  page.on("console", (line) => line.type() === "error" && page.problems.push(line.text()));
  page.on("pageerror", (error) => page.problems.push(String(error)));
  page.on("request", (request) => {
    if (!request.url().startsWith(url)) page.elsewhere.push(request.url());
  });
  await page.goto(url);
  await page.waitForSelector("tr[data-row]");
  return page;
}

async function main() {
  const browser = await chromium.launch({ executablePath: process.env.CHROMIUM || "/usr/bin/chromium", args: flags });
  try {
    for (const [name, options] of [
      ["light", { colorScheme: "light", viewport: { width: 1400, height: 900 } }],
      ["dark", { colorScheme: "dark", viewport: { width: 1400, height: 900 } }],
      ["narrow", { viewport: { width: 400, height: 900 } }],
    ]) {
      const page = await open(browser, options);
      const [whole, seen] = await page.evaluate(() =>
        [document.documentElement.scrollWidth, document.documentElement.clientWidth]);
      assert.ok(whole <= seen, `${name}: the page is ${whole} wide and ${seen} of it are seen`);
      await page.screenshot({ path: `${folder}/${name}.png` });
      await page.context().close();
    }
    const page = await open(browser);
    const second = await open(browser);
    // Nothing is decided by nobody.
    const before = read();
    await page.focus("tr[data-row]");
    await page.keyboard.press("a");
    assert.match(await page.textContent("#message"), /who confirms/);
    assert.strictEqual(read(), before);
    // By keyboard alone: a name, then row by row.
    await page.keyboard.type("anna@acme.example");
    const count = await waiting(page);
    await page.focus('tr[data-row="fields-0"]');
    await page.keyboard.press("a");
    await page.waitForFunction((old) => !document.getElementById("count").textContent.startsWith(`${old} `), count);
    assert.strictEqual(await waiting(page), count - 1);
    assert.match(read(), /confirmed,anna@acme\.example,\d{4}-\d\d-\d\d/);
    // The focus stays where the work is.
    const focused = () => page.evaluate(() => document.activeElement.closest("tr")?.dataset.row);
    assert.strictEqual(await focused(), "fields-0");
    await page.keyboard.press("ArrowDown");
    assert.strictEqual(await focused(), "fields-1");
    await page.keyboard.press("e");
    await page.keyboard.press("Control+a");
    await page.keyboard.type("Renamed__c");
    await page.keyboard.press("Enter");
    await page.waitForFunction((old) => document.getElementById("count").textContent.startsWith(`${old} `), count - 2);
    assert.match(read(), /,Renamed__c,/);
    // The second tab shows an old file: it is told, and nothing of it is saved.
    const now = read();
    await second.fill("#by", "eve");
    await second.focus('tr[data-row="fields-2"]');
    await second.keyboard.press("i");
    await second.waitForFunction(() => document.getElementById("message").textContent.includes("was changed"));
    assert.strictEqual(read(), now);
    assert.strictEqual(await waiting(second), count - 2);
    // What it shows now it may decide, a class at once.
    await second.click("#classes button:not([disabled])");
    await second.waitForFunction((old) => !document.getElementById("count").textContent.startsWith(`${old} `), count - 2);
    assert.match(read(), /confirmed,eve,/);
    // Proposals of another decision file are rows like any other, and nobody may ignore one.
    const third = await open(browser);
    const stages = await third.$$('section[aria-label="config/lifecycle.csv"] tr[data-row]');
    assert.ok(stages.length > 2, `${stages.length} lifecycle stages`);
    await third.fill("#by", "ben");
    await stages[0].focus();
    const stage = await third.evaluate(() => document.activeElement.dataset.row);
    await third.keyboard.press("e");
    await third.keyboard.press("Control+a");
    await third.keyboard.type("Contct");
    await third.keyboard.press("Enter");
    await third.waitForFunction(() => document.getElementById("message").textContent.includes("did you mean"));
    await third.fill(`tr[data-row="${stage}"] input`, "Contact");
    await third.keyboard.press("Enter");
    await third.waitForFunction((row) =>
      document.querySelector(`tr[data-row="${row}"]`).textContent.includes("confirmed"), stage);
    const lifecycle = fs.readFileSync(path.join(path.dirname(map), "lifecycle.csv"), "utf8");
    assert.match(lifecycle, /,Contact,.*ben,\d{4}-\d\d-\d\d/);
    assert.strictEqual(await third.$$eval(`tr[data-row="${stage}"] button`, (buttons) =>
      buttons.filter((button) => button.textContent === "Ignore").length), 0);
    assert.deepStrictEqual([third.problems, third.elsewhere], [[], []]);
    // Every field and button has a name for screen readers.
    const nameless = await page.evaluate(() =>
      [...document.querySelectorAll("button, input")].filter((one) =>
        !one.getAttribute("aria-label") && !one.textContent.trim() && !one.labels?.length).length);
    assert.strictEqual(nameless, 0);
    // What the browser itself says of the refused decision is no fault of the page.
    for (const tab of [page, second]) {
      const problems = tab.problems.filter((line) => !line.includes("409"));
      assert.deepStrictEqual([problems, tab.elsewhere], [[], []]);
    }
    console.log(`the review page works: ${count} rows, ${await waiting(second)} left open`);
  } finally {
    await browser.close();
  }
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
