// Outside validators against the hub's OpenAPI document and a run's exchanges: argv holds the document and a file of
// exchanges [{call, path, method, status, mediaType, asked, answered}], in JSON. It prints what is wrong, and how much it
// looked at. The document is held against OpenAPI's own schema (@seriousme/openapi-schema-validator); each body is held
// against what the document says of its call (ajv, JSON Schema 2020-12).
import { readFileSync } from 'node:fs';
import { Validator } from '@seriousme/openapi-schema-validator';
import Ajv2020 from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';

const [documentFile, exchangesFile] = process.argv.slice(2);
const doc = JSON.parse(readFileSync(documentFile, 'utf8'));
const wrong = [];
let looked = 0;

const validator = new Validator();
const result = await validator.validate(structuredClone(doc));
if (!result.valid) wrong.push('the document: ' + JSON.stringify(result.errors));

const ajv = new Ajv2020({ strict: false, allErrors: true });
addFormats(ajv);
ajv.addFormat('int32', { type: 'number', validate: (n) => Number.isInteger(n) && Math.abs(n) <= 2 ** 31 });
ajv.addFormat('int64', { type: 'number', validate: Number.isInteger });
ajv.addSchema(doc, 'doc');

const compiled = new Map();
function hold(what, steps, body) {
  const pointer = steps.map((s) => '/' + encodeURIComponent(String(s).replaceAll('~', '~0').replaceAll('/', '~1'))).join('');
  if (!compiled.has(pointer)) compiled.set(pointer, ajv.compile({ $ref: 'doc#' + pointer }));
  const check = compiled.get(pointer);
  looked++;
  if (!check(body)) wrong.push(what + ': ' + ajv.errorsText(check.errors) + ' in ' + JSON.stringify(body));
}

for (const e of JSON.parse(readFileSync(exchangesFile, 'utf8'))) {
  const operation = doc.paths[e.path] && doc.paths[e.path][e.method];
  if (!operation) {
    wrong.push(e.call + ' is not in the document');
    continue;
  }
  if (e.asked !== undefined) hold(e.call + ' asked', ['paths', e.path, e.method, 'requestBody', 'content', 'application/json', 'schema'], e.asked);
  const said = [String(e.status), String(e.status)[0] + 'XX'].find((s) => operation.responses[s]);
  if (!said) {
    wrong.push(e.call + ' answered ' + e.status + ', which the document does not have');
    continue;
  }
  if (e.answered === undefined) continue;
  const at = operation.responses[said].$ref ? operation.responses[said].$ref.slice(2).split('/') : ['paths', e.path, e.method, 'responses', said];
  const response = at.reduce((o, step) => o[step], doc);
  if (!response.content || !response.content[e.mediaType]) {
    wrong.push(e.call + ' answered ' + e.mediaType + ', which the document does not have');
    continue;
  }
  hold(e.call + ' answered', [...at, 'content', e.mediaType, 'schema'], e.answered);
}
console.log(JSON.stringify({ looked, wrong }));
