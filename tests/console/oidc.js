'use strict';
/* oidc.js - people sign in by the word of oidc-provider, an OpenID provider that is not ours. */

const fs = require('fs');
const https = require('https');
const path = require('path');
const { execFileSync } = require('child_process');
const { pathToFileURL } = require('url');
const { check, Server } = require('./rig');

const { CONSOLE_WORK } = process.env;
const SECRET = 'a secret of the client, & more: %';
const ROLES = { alice: ['readers', 'azimuth-admins'], eve: [] };

/** A certificate for localhost that is its own authority. */
function certificate() {
    const key = path.join(CONSOLE_WORK, 'provider-key.pem'), cert = path.join(CONSOLE_WORK, 'provider.pem');
    execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-keyout', key, '-out', cert,
        '-days', '2', '-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost'], { stdio: 'ignore' });
    return { key: fs.readFileSync(key), cert: fs.readFileSync(cert), file: cert };
}

class Issuer {
    async listen() {
        this.tls = certificate();
        this.server = https.createServer(this.tls, (request, response) => this.callback(request, response));
        await new Promise((resolve) => { this.server.listen(0, 'localhost', resolve); });
        this.url = `https://localhost:${this.server.address().port}`;
    }

    /** It must know where it leads back to. */
    async know(back) {
        console.warn = console.info = () => {}; // it has much to say on how it is set up
        const { default: Provider } = await import(pathToFileURL(path.join(CONSOLE_WORK, 'node_modules/oidc-provider/lib/index.js')));
        const provider = new Provider(this.url, {
            clients: [{ client_id: 'azimuth', client_secret: SECRET, redirect_uris: [back], id_token_signed_response_alg: 'RS256' }],
            claims: { openid: ['sub', 'roles'], email: ['email'], profile: ['name'] },
            conformIdTokenClaims: false,
            cookies: { keys: ['of the test'] },
            findAccount: (_, id) => ({ accountId: id, claims: () => ({ sub: id, roles: ROLES[id], email: `${id}@plant.example` }) }),
        });
        this.callback = provider.callback();
    }

    close() {
        this.server?.close();
        this.server?.closeAllConnections();
    }
}

async function signIn(page, base, who) {
    await page.goto(base);
    await page.getByRole('button', { name: 'Sign in with localhost' }).click();
    await answer(page, who);
}

/** The provider's own pages ask who one is, and whether the hub may know. */
async function answer(page, who) {
    await page.getByPlaceholder('Enter any login').fill(who);
    await page.getByPlaceholder('and password').fill('any');
    await page.getByRole('button', { name: 'Sign-in' }).click();
    await page.getByRole('button', { name: 'Continue' }).click();
}

/** The session ends while alice writes: a second window asks the provider anew, and her page goes on.
 * Where the browser lets no window be opened (`blocked`), a link leads there. */
async function lapse(server, noBarriers, { context, page }, blocked) {
    await page.goto(`${server.base}devices/dev1/messages`);
    await page.getByLabel('Body').fill('half a thought');
    await context.clearCookies(); // of the provider, too
    await page.getByRole('button', { name: 'Send' }).dispatchEvent('click'); // the page may have noticed by itself, and shows the dialog
    const again = page.getByRole('dialog', { name: 'Sign in again' });
    const button = again.getByRole('button', { name: /^Sign in with localhost/ }), link = again.getByRole('link', { name: /^Go on at localhost/ });
    if (blocked) {
        await page.evaluate(() => { window.open = () => null; });
        await button.click();
        await again.getByText('The browser let no window be opened').waitFor();
    }
    const [window] = await Promise.all([page.waitForEvent('popup'), (blocked ? link : button).click()]);
    if (!blocked) await again.getByText('Go on in the window that was opened').waitFor();
    await noBarriers('a session that ended', page);
    const closed = window.waitForEvent('close');
    await answer(window, 'alice');
    await again.waitFor({ state: 'detached' });
    await closed;
    check(await page.getByLabel('Body').inputValue() === 'half a thought', 'what was typed is gone');
    await page.getByRole('button', { name: 'Send' }).click();
    await page.getByText('Accepted as').waitFor();
}

module.exports = (test, { browser, noBarriers }) => {
    test('a_provider_s_word_signs_people_in', async () => {
        const issuer = new Issuer(), server = new Server();
        const secret = path.join(CONSOLE_WORK, 'provider-secret');
        fs.writeFileSync(secret, `${SECRET}\n`);
        try {
            await issuer.listen();
            await server.start('--outgoing-ca', issuer.tls.file, '--oidc-issuer', issuer.url, '--oidc-client-id', 'azimuth', '--oidc-client-secret-file', secret,
                '--oidc-role', 'azimuth-admins=administrator', '--oidc-role', 'readers=reader');
            await server.run('hub', 'device-identity', 'create', '-d', 'dev1');
            await issuer.know(`${server.base}signed-in`);
            for (const [who, shown] of [['alice', 'New user'], ['eve', 'gives you no role here']]) {
                const person = await browser.person({ ignoreHTTPSErrors: true });
                await signIn(person.page, server.base, who);
                if (who !== 'eve') {
                    await person.page.getByText(`oidc ${who}@plant.example`).waitFor();
                    check(!person.page.url().includes('code='), 'the code stays in the address');
                    await person.page.goto(`${server.base}settings`);
                }
                await person.page.getByText(shown).first().waitFor();
                if (who === 'alice') for (const blocked of [false, true]) await lapse(server, noBarriers, person, blocked);
                if (who === 'eve') await noBarriers('who the provider does not let in', person.page);
                check(!person.faults.length, person.faults.join('; '));
                await person.context.close();
            }
            // What another browser began, and what is used up, is nobody's.
            const thief = await browser.person({ ignoreHTTPSErrors: true });
            await thief.page.goto(`${server.base}signed-in?code=x&state=${'0'.repeat(64)}`);
            await thief.page.getByText('began in another browser').waitFor();
            await thief.context.close();
        } finally {
            server.stop();
            issuer.close();
        }
    });
};
