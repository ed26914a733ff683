// SPDX-License-Identifier: GPL-2.0-or-later
// One DuckDB process that does what a job (JSON on standard input) says and prints its result as JSON:
//   {"do": "load", "database", "columns": [[name, type]…], "files": pattern}
//   {"do": "hunt", "database", "lists": [{"path", "domains"}…], "runs", "cold", "answers": folder}
// Times are taken here, around the query alone: no start, no transfer of the answer.
import { DuckDBInstance } from '@duckdb/node-api';
import fs from 'fs';
import { execFileSync } from 'child_process';

const job = JSON.parse(fs.readFileSync(0, 'utf8'));
const now = () => Number(process.hrtime.bigint()) / 1e6;
const median = (v) => [...v].sort((a, b) => a - b)[v.length >> 1];

async function open() {
	const instance = await DuckDBInstance.create(job.database, { threads: '2' });
	return { instance, connection: await instance.connect() };
}

function close(db) {
	db.connection.closeSync();
	db.instance.closeSync();
}

async function load() {
	const db = await open();
	const types = '{' + job.columns.map(([n, t]) => `'${n}': '${t}'`).join(',') + '}';
	const source = `read_csv('${job.files}', columns = ${types}, header = true, auto_detect = false, delim = ',', quote = '', escape = '')`;
	const timed = async (sql) => {
		const start = now(), used = process.cpuUsage();
		await db.connection.run(sql);
		const more = process.cpuUsage(used);
		return { seconds: (now() - start) / 1e3, processor: (more.user + more.system) / 1e6 };
	};
	// what reading the text alone costs
	const read = await timed(`SELECT ${job.columns.map(([n]) => `max("${n}")`).join(',')} FROM ${source}`);
	await db.connection.run(`CREATE TABLE flows (${job.columns.map(([n, t]) => `"${n}" ${t}`).join(',')})`);
	const whole = await timed(`INSERT INTO flows SELECT * FROM ${source}`);
	const written = await timed('CHECKPOINT');
	const version = (await db.connection.runAndReadAll('SELECT version()')).getRows()[0][0];
	close(db);
	return { version, read, whole: { seconds: whole.seconds + written.seconds, processor: whole.processor + written.processor },
		bytes: fs.statSync(job.database).size };
}

async function indicators(db, list) {
	const lines = fs.readFileSync(list.path, 'utf8').trim().split('\n');
	await db.connection.run(`CREATE OR REPLACE TEMP TABLE indicator (value ${list.domains ? 'VARCHAR' : 'UINTEGER'})`);
	const value = list.domains ? (x) => `'${x}'` : (x) => x.split('.').reduce((sum, part) => sum * 256 + Number(part), 0);
	await db.connection.run(`INSERT INTO indicator SELECT DISTINCT unnest([${lines.map(value).join(',')}])`);
}

const sums = 'count(*) AS flows, sum(wire_out) AS wire_out, sum(wire_in) AS wire_in, min(first) AS first, max(last) AS last';
const among = 'IN (FROM indicator)';

// Several forms of the same question; the best one counts. `late` looks at the other columns of hits only; its plan is kept
// from building the hash table over the flows, which costs it ten times as much.
function forms(list) {
	const hit = list.domains ? `name ${among}` : `(responder ${among} OR initiator ${among})`;
	const key = list.domains ? 'name' : `CASE WHEN initiator ${among} THEN initiator ELSE responder END`;
	const question = (where) => `SELECT ${key} AS value, ${sums} FROM flows WHERE duplicate_of = 0 AND ${where} GROUP BY 1`;
	return [{ name: 'scan', sql: question(hit), off: '' },
		{ name: 'late', sql: question(`rowid IN (SELECT rowid FROM flows WHERE ${hit})`), off: 'build_side_probe_side,join_order' }];
}

async function ask(db, form) {
	await db.connection.run(`SET disabled_optimizers = '${form.off}'`);
	const start = now();
	await db.connection.run(`CREATE OR REPLACE TEMP TABLE answer AS ${form.sql}`);
	return now() - start;
}

function dropPages() {
	execFileSync('sync');
	fs.writeFileSync('/proc/sys/vm/drop_caches', '3\n');
}

async function hunt() {
	const result = {};
	for (const list of job.lists) {
		let db = await open();
		await indicators(db, list);
		let best = null;
		for (const form of forms(list)) {
			await ask(db, form);
			const ms = [];
			for (let i = 0; i < job.runs; i++) ms.push(await ask(db, form));
			if (!best || median(ms) < median(best.warm_ms)) best = { form, warm_ms: ms };
		}
		await db.connection.run(`COPY answer TO '${job.answers}/${list.name}.duckdb.csv' (HEADER false)`);
		const cold = [];
		for (let i = 0; i < job.cold; i++) {
			close(db);
			dropPages();
			const start = now();
			db = await open();
			const opened = now() - start;
			await indicators(db, list);
			cold.push(opened + await ask(db, best.form));
		}
		close(db);
		result[list.name] = { form: best.form.name, warm_ms: best.warm_ms, cold_ms: cold };
	}
	return result;
}

console.log(JSON.stringify(job.do === 'load' ? await load() : await hunt()));
