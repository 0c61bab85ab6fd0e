'use strict';
/* docs.js - the documentation beside the console, and the same files without a server. */

const { check, eventually } = require('./rig');

module.exports = (test, { server, browser, page: current, noBarriers }) => {
    async function find(page, words) {
        await page.keyboard.press('/');
        await page.keyboard.insertText(words);
        const found = page.getByRole('region', { name: 'Found' });
        await found.getByRole('link').first().waitFor();
        return found;
    }

    test('the_documentation_is_a_link_away_and_its_search_finds', async () => {
        await current().goto(server.base);
        const [opened] = await Promise.all([current().waitForEvent('popup'), current().getByRole('link', { name: 'Docs' }).click()]);
        await opened.getByRole('heading', { name: 'Tutorials' }).first().waitFor();
        await opened.close();
        const reader = await browser.person();
        await reader.page.goto(`${server.base}docs/`);
        check(reader.page.url() === `${server.base}docs/index.html`, `it leads to ${reader.page.url()}`);
        await noBarriers('documentation', reader.page);
        const found = await find(reader.page, 'thumbprint certificate');
        await found.getByRole('status').filter({ hasText: 'sections' }).waitFor();
        await reader.page.goto(`${server.base}docs/C131`);
        check(reader.page.url().endsWith('/reference/why.html#c131'), `the cause leads to ${reader.page.url()}`);
        await reader.page.getByRole('row', { name: /^C131/ }).waitFor();
        await noBarriers('a page of tables', reader.page);
        await reader.page.goto(`${server.base}docs/tutorials/first-message.html`);
        const picture = reader.page.locator('article img').first();
        await picture.scrollIntoViewIfNeeded();
        await eventually('the picture is there', () => picture.evaluate((e) => e.complete && e.naturalWidth > 600));
        check(!reader.faults.length, reader.faults.join('; '));
        await reader.context.close();
    });

    test('the_documentation_needs_no_server', async () => {
        const reader = await browser.person();
        await reader.page.goto(`file://${process.env.DOCS_SITE}/how-to/operate.html`);
        const found = await find(reader.page, 'enrollment');
        await found.getByRole('link').filter({ hasText: 'Zero-touch' }).first().click();
        await reader.page.getByRole('heading', { name: 'Zero-touch with X.509' }).waitFor();
        check(!reader.faults.length, reader.faults.join('; '));
        await reader.context.close();
    });
};
