'use strict';
/* check.js - runs cases one after the other and prints one line for each: `ok` or `not ok`, a name,
 * and why not; or `skipped` or `not offered`, and why. A case that neither ends nor fails in time
 * has failed. */
const { inspect } = require('node:util');

const cases = [];
/* The longest that something may take to come: on a busy machine everything takes ten times as long. */
const WAIT_MS = 60000;
const CASE_MS_MAX = 300000;
const DAY_MS = 86400000;
const NEAR_MIDNIGHT_MS = 120000;

/** Registers a case; its name is a sentence. */
function check(name, run) {
    cases.push({ name, run });
}

class Skipped extends Error {}

/** Ends a case that cannot be run here. */
function skip(why) {
    throw new Skipped(why);
}

/** Says that the client under test does not have what `name` would look at. */
function notOffered(name, why) {
    cases.push({ name, why });
}

function within(ms, what, promise) {
    let timer;
    const late = new Promise((_, reject) => {
        timer = setTimeout(() => reject(new Error(`${what} took more than ${ms} ms`)), ms);
    });
    return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** Asks `probe` until it answers something true, or fails saying what was waited for. */
async function until(what, probe, ms = WAIT_MS) {
    const end = Date.now() + ms;
    for (;;) {
        const value = await probe();
        if (value) return value;
        if (Date.now() > end) throw new Error(`waited ${ms} ms in vain until ${what}`);
        await sleep(50);
    }
}

/** Waits for midnight (UTC) where it is near: what is counted by the day is counted anew then. */
async function sameDay() {
    const left = DAY_MS - Date.now() % DAY_MS;
    if (left < NEAR_MIDNIGHT_MS) await sleep(left + 1000);
}

/** The error with which `promise` fails; that it does not fail is a failure. */
async function failure(promise) {
    let value;
    try {
        value = await promise;
    } catch (error) {
        return error;
    }
    throw new Error(`should have failed, but gave ${inspect(value, { depth: 1 })}`);
}

function oneLine(error) {
    const text = error && error.message ? `${error.name}: ${error.message}` : String(error);
    return text.replace(/\s+/g, ' ').slice(0, 600);
}

/** Runs one case: what became of it, and the line's last words. */
async function outcome({ run, why }) {
    if (why) return ['not offered', why];
    const start = Date.now();
    try {
        await within(CASE_MS_MAX, 'the case', run());
        return ['ok', `${Date.now() - start} ms`];
    } catch (error) {
        if (error instanceof Skipped) return ['skipped', error.message];
        console.error(error);
        return ['not ok', oneLine(error)];
    }
}

/** Runs every registered case whose name contains `only`, and says whether all went well. */
async function runAll(group, only) {
    let good = true;
    for (const one of cases.filter(({ name }) => !only || name.includes(only))) {
        const [state, words] = await outcome(one);
        good = good && state !== 'not ok';
        console.log(`${state} ${group}: ${one.name} # ${words}`);
    }
    return good;
}

module.exports = { WAIT_MS, check, failure, notOffered, runAll, sameDay, skip, sleep, until, within };
