'use strict';
/* users.js - who signs in by name: made on a page, signs in on another, and is put out by a third. */

const { check, shows } = require('./rig');

const PASSWORD = 'a horse that is correct', NEXT = 'battery staple';

async function signIn(page, base, password) {
    await page.goto(base);
    await page.getByLabel('User', { exact: true }).fill('maria');
    await page.getByLabel('Password', { exact: true }).fill(password);
    await page.getByRole('button', { name: 'Sign in' }).click();
}

module.exports = (test, { server, browser, page: current, noBarriers, picture }) => {
    let maria;

    test('a_user_is_made', async () => {
        const page = current();
        await page.goto(`${server.base}settings`);
        const users = page.getByRole('region', { name: 'Users' });
        await users.getByText('None: people sign in').waitFor();
        await users.getByRole('button', { name: 'New user' }).click();
        const dialog = page.getByRole('dialog', { name: 'New user' });
        await dialog.getByLabel('Name').fill('maria');
        await dialog.getByLabel(/^Password(?!,)/).fill(PASSWORD);
        check(await dialog.getByRole('button', { name: 'Create' }).isDisabled(), 'a password that is typed once is enough');
        await dialog.getByLabel('Password, once more').fill(PASSWORD);
        await shows(dialog, 'azimuth user create maria --role reader', ['azimuth.sock', 'PUT', '"role":"reader"']);
        check(!(await dialog.getByLabel('curl').textContent()).includes(PASSWORD), 'the password is shown');
        await noBarriers('new user');
        await dialog.getByRole('button', { name: 'Create' }).click();
        await users.getByRole('row', { name: /^maria reader enabled/ }).waitFor();
    });

    test('a_reader_signs_in_and_sees_no_key', async () => {
        maria = await browser.person();
        const { page } = maria;
        await signIn(page, server.base, 'another horse');
        await page.getByText('the user or the password is another').waitFor();
        await noBarriers('sign in', page);
        await picture('sign-in', 'light', page);
        await signIn(page, server.base, PASSWORD);
        await page.getByText('user maria').waitFor();
        await page.goto(`${server.base}devices/sensor-1`);
        await page.getByText('Keys are not shown').waitFor();
        check(await page.getByRole('button', { name: 'Delete…' }).count() === 0, 'a reader may delete');
        await page.goto(`${server.base}devices/sensor-1/methods`);
        await page.getByLabel('Method').fill('reboot');
        check(await page.getByRole('button', { name: 'Call' }).isDisabled(), 'a reader may call');
        await page.goto(`${server.base}flow`);
        await page.getByRole('heading', { name: 'Flow' }).waitFor();
        await page.goto(`${server.base}settings`);
        await page.getByRole('region', { name: 'Hub' }).getByText(server.ready.idScope).waitFor();
        check(await page.getByRole('region', { name: 'Users' }).count() === 0, 'a reader sees the users');
    });

    test('one_changes_the_own_password', async () => {
        const { page } = maria;
        await page.getByLabel('Present password').fill(PASSWORD);
        await page.getByLabel(/^New password(?!,)/).fill(NEXT);
        await page.getByLabel('New password, once more').fill(NEXT);
        await page.getByRole('button', { name: 'Change password' }).click();
        await page.getByText('Your password is changed.').waitFor();
        await noBarriers('own password', page);
        await page.getByRole('button', { name: 'Sign out' }).click();
        await page.getByLabel('User', { exact: true }).waitFor();
        await signIn(page, server.base, NEXT);
        await page.getByText('user maria').waitFor();
    });

    test('one_ends_the_own_sessions_and_an_administrator_any', async () => {
        const other = await browser.person(), admin = current();
        const sessions = (page) => page.getByRole('region', { name: 'Sessions' });
        const end = async (page) => {
            await sessions(page).getByRole('button', { name: /^End session \d+ of user maria/ }).click();
            await sessions(page).getByText(/^Session \d+ of user maria has ended/).waitFor();
        };
        await signIn(other.page, server.base, NEXT);
        await other.page.getByText('user maria').waitFor();
        const { page } = maria;
        await page.setViewportSize({ width: 390, height: 844 });
        await page.goto(`${server.base}settings`);
        await sessions(page).getByRole('row', { name: /this one$/ }).waitFor();
        check(await sessions(page).getByText('one-time link').count() === 0, 'a reader sees whose session is not his');
        const wide = await page.evaluate(() => document.documentElement.scrollWidth);
        check(wide <= 390, `Settings is ${wide} pixels wide on a phone`);
        await noBarriers('own sessions, on a phone', page);
        await end(page);
        await page.setViewportSize({ width: 1280, height: 720 });
        await other.page.goto(server.base);
        await other.page.getByLabel('User', { exact: true }).waitFor();
        await other.context.close();
        await admin.goto(`${server.base}settings`);
        await sessions(admin).getByRole('row', { name: /one-time link.*this one$/ }).waitFor();
        await sessions(admin).getByText('Do this from a shell').last().click();
        check(/^azimuth session end \d+$/.test(await sessions(admin).getByLabel('command').last().textContent()), 'the command line is another');
        await noBarriers('sessions', admin);
        await sessions(admin).evaluate((e) => e.scrollIntoView({ block: 'end' }));
        await picture('sessions', 'light', admin);
        await end(admin);
        await page.goto(server.base);
        await page.getByLabel('User', { exact: true }).waitFor();
    });

    test('who_is_disabled_is_out', async () => {
        const page = current(), users = page.getByRole('region', { name: 'Users' });
        await users.getByRole('button', { name: 'Change maria' }).click();
        const dialog = page.getByRole('dialog', { name: 'User maria' });
        await noBarriers('a user', page);
        await shows(dialog, 'azimuth user update maria --disable', ['PATCH', '"status":"disabled"']);
        await dialog.getByRole('button', { name: 'Disable' }).click();
        await users.getByRole('row', { name: /^maria reader disabled/ }).waitFor();
        await picture('users');
        await signIn(maria.page, server.base, NEXT);
        await maria.page.getByText('the user or the password is another').waitFor();
        check(!maria.faults.length, maria.faults.join('; '));
        await maria.context.close();
        await users.getByRole('button', { name: 'Change maria' }).click();
        await dialog.getByRole('button', { name: 'Delete…' }).click();
        await shows(dialog, 'azimuth user delete maria', ['DELETE']);
        await dialog.getByRole('button', { name: 'Delete maria' }).click();
        await users.getByText('None: people sign in').waitFor();
    });
};
