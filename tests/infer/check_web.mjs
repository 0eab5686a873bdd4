// The page of `rimshot export --to web` in a real Chromium; not part of the test suite.
//
// usage: node check_web.mjs RIMSHOT MODEL SCREENSHOT.png SOUND...
//
// Pins: onnxruntime-web 1.30.0, playwright-core 1.65.1, Chromium 156, node 20. The two packages are
// looked for in ./node_modules, the browser as `chromium` in PATH.
// The page is asked about every sound (the first is dropped, the others are chosen), and its
// probabilities are compared with those of `rimshot classify`: at most 1e-4 apart for WAV and FLAC, whose
// answers and the class that is the reason of unknown are the same, 0.1 for others, whose decoders differ; silent ones are refused by both.
// Also checked is what the page says without its runtime, from a file and about files that are no
// sounds, that it speaks to its own server alone, and the keyboard.
import {execFileSync, spawnSync} from 'node:child_process';
import {strict as assert} from 'node:assert';
import {createServer} from 'node:http';
import {createRequire} from 'node:module';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';

const {chromium} = createRequire(path.resolve('package.json'))('playwright-core');
const [rimshot, model, screenshot, ...sounds] = process.argv.slice(2);
const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'rimshot-web-'));
const TYPES = {'.html': 'text/html', '.mjs': 'text/javascript', '.json': 'application/json', '.wasm': 'application/wasm'};
const ALLOWED = {exact: 1e-4, resampled: 0.1};

const server = createServer((request, response) => {
  const name = request.url === '/' ? '/index.html' : decodeURIComponent(request.url);
  fs.readFile(path.join(folder, name), (error, bytes) => {
    response.writeHead(error ? 404 : 200, {'Content-Type': TYPES[path.extname(name)] ?? 'application/octet-stream'});
    response.end(error ? '' : bytes);
  });
});

function classify(files) {
  const lines = spawnSync(rimshot, ['classify', model, '--json', '--quiet', ...files], {maxBuffer: 1 << 28});
  return lines.stdout.toString().trim().split('\n').map(line => JSON.parse(line));
}

async function drop(page, name, bytes) {
  const data = await page.evaluateHandle(([fileName, text]) => {
    const transfer = new DataTransfer();
    transfer.items.add(new File([Uint8Array.from(atob(text), c => c.charCodeAt(0))], fileName));
    return transfer;
  }, [name, bytes.toString('base64')]);
  await page.dispatchEvent('html', 'drop', {dataTransfer: data});
}

const heard = (page, n) => page.waitForFunction(k => document.querySelectorAll('#files tbody tr').length === k, n, {timeout: 300000});

// By class; undefined for a sound that was refused.
async function probabilities(page, index) {
  await page.evaluate(i => document.querySelectorAll('#files button')[i].click(), index);
  if (await page.isHidden('#sound')) return undefined;
  return page.$$eval('#bars li', rows => Object.fromEntries(rows.map(r => [r.dataset.name, +r.dataset.probability])));
}

async function compare(page) {
  const worst = {exact: 0, resampled: 0};
  let unknown = 0;
  for (const [i, result] of classify(sounds).entries()) {
    const found = await probabilities(page, i);
    assert.equal(found === undefined, result.error !== undefined, sounds[i]);
    if (!found) continue;
    unknown += result.class === 'unknown';
    const apart = Math.max(...Object.entries(result.probability).map(([name, p]) => Math.abs(p - found[name])));
    const kind = /\.(wav|flac)$/i.test(sounds[i]) ? 'exact' : 'resampled';
    worst[kind] = Math.max(worst[kind], apart);
    if (kind === 'exact') {
      assert.equal((await page.textContent('#name')).split(' · ')[0], result.class, sounds[i]);
      const cause = result.reason?.split(' ')[0];
      if (cause) assert.equal((await page.textContent('#facts')).split(' ')[0], cause, sounds[i]);
    }
    console.log(apart.toExponential(1), path.basename(sounds[i]));
  }
  console.log(unknown, 'unknown, as rimshot says, for the same reason');
  return worst;
}

async function checkPage(browser, origin) {
  const context = await browser.newContext({viewport: {width: 1040, height: 860}, deviceScaleFactor: 1});
  const page = await context.newPage(), strangers = [], faults = [];
  page.on('request', request => { if (!/^(data|blob):/.test(request.url()) && !request.url().startsWith(origin)) strangers.push(request.url()); });
  page.on('pageerror', error => faults.push(error.message));

  await page.goto('file://' + path.join(folder, 'index.html'));
  assert.match(await page.textContent('#say'), /python3 -m http\.server/);
  strangers.length = 0;
  await page.goto(origin);
  await page.waitForSelector('#say.wrong');
  assert.match(await page.textContent('#say'), /npm install onnxruntime-web in the folder.*ort\.wasm\.bundle\.min\.mjs and ort-wasm/);
  fs.mkdirSync(path.join(folder, 'ort'));
  for (const name of ['ort.wasm.bundle.min.mjs', 'ort-wasm-simd-threaded.wasm'])
    fs.copyFileSync(path.join('node_modules/onnxruntime-web/dist', name), path.join(folder, 'ort', name));

  await page.reload();
  await page.waitForFunction(() => document.querySelector('#say').textContent === '', null, {timeout: 120000});
  await drop(page, path.basename(sounds[0]), fs.readFileSync(sounds[0]));
  await heard(page, 1);
  const start = Date.now();
  await page.setInputFiles('#choose', sounds.slice(1));
  await heard(page, sounds.length);
  console.log(`${((Date.now() - start) / (sounds.length - 1)).toFixed(0)} ms per sound`);
  const worst = await compare(page);

  await page.focus('#files tbody tr:nth-child(1) button');
  await page.keyboard.press('ArrowDown');
  assert.ok((await page.textContent('#name')).endsWith(' · ' + path.basename(sounds[1])));
  await page.keyboard.press('ArrowUp');
  await page.evaluate(() => document.activeElement.blur());
  await page.screenshot({path: screenshot, fullPage: true});

  await drop(page, 'notes.txt', Buffer.from('not a sound'));
  await heard(page, sounds.length + 1);
  await page.waitForFunction(() => document.querySelector('#say').textContent === 'notes.txt cannot be decoded by this browser.');
  await page.emulateMedia({colorScheme: 'dark'});
  await probabilities(page, 0);
  await page.screenshot({path: screenshot.replace('.png', '-dark.png'), fullPage: true});
  assert.deepEqual(strangers, []);
  assert.deepEqual(faults, []);
  return worst;
}

try {
  execFileSync(rimshot, ['export', model, '--to', 'web', '-o', folder]);
  await new Promise(done => server.listen(0, '127.0.0.1', done));
  const executablePath = execFileSync('which', ['chromium']).toString().trim();
  const browser = await chromium.launch({executablePath, args: ['--no-sandbox']});
  console.log('Chromium', browser.version());
  const worst = await checkPage(browser, `http://127.0.0.1:${server.address().port}/`).finally(() => browser.close());
  console.log('largest difference: WAV and FLAC', worst.exact, 'others', worst.resampled);
  assert(worst.exact <= ALLOWED.exact && worst.resampled <= ALLOWED.resampled);
} finally {
  server.close();
  fs.rmSync(folder, {recursive: true});
}
