/* search.js - finds sections by words. The index was made when the site was built (build.py) and is loaded when somebody
 * begins to type; all of it happens in the page, from a server or from files. */
'use strict';

(() => {
    const FOUND_MAX = 20;
    const root = document.currentScript.dataset.root;
    const form = document.querySelector('.search'), field = form.querySelector('input');
    const results = document.querySelector('.results'), list = results.querySelector('ol');
    const status = results.querySelector('[role=status]'), article = document.querySelector('article');

    /* The console's choice of light or dark counts here, too. */
    try {
        const theme = localStorage.getItem('azimuth.theme');
        if (theme === 'light' || theme === 'dark') document.documentElement.dataset.theme = theme;
    } catch { /* as the system has it */ }

    let index;
    function load() {
        index ??= new Promise((resolve, reject) => {
            const script = document.createElement('script');
            script.src = `${root}search-index.js`;
            script.onload = () => resolve(window.searchIndex);
            script.onerror = reject;
            document.head.append(script);
        });
        return index;
    }

    /** How well a section fits all words; 0: it does not. Headings count more than text, whole words more than parts. */
    function score([page, heading, , , words], wanted) {
        const title = `${page} ${heading}`.toLowerCase(), text = ` ${words} `;
        let sum = 0;
        for (const word of wanted) {
            const value = (heading.toLowerCase().includes(word) ? 8 : 0) + (title.includes(word) ? 4 : 0) +
                (text.includes(` ${word} `) ? 3 : text.includes(` ${word}`) ? 2 : text.includes(word) ? 1 : 0);
            if (!value) return 0;
            sum += value;
        }
        return sum;
    }

    function row([page, heading, address, beginning]) {
        const item = document.createElement('li'), link = document.createElement('a'), text = document.createElement('p');
        link.href = root + address;
        link.textContent = heading === page ? page : `${page}: ${heading}`;
        link.addEventListener('click', () => { field.value = ''; show([], []); });
        text.textContent = beginning;
        item.append(link, text);
        return item;
    }

    function show(wanted, found) {
        const searching = wanted.length > 0;
        results.hidden = !searching;
        article.hidden = searching;
        status.textContent = !searching ? '' : found.length === 0 ? 'Nothing has all of these words.' :
            found.length > FOUND_MAX ? `The best ${FOUND_MAX} of ${found.length} sections` : `${found.length} sections`;
        list.replaceChildren(...found.slice(0, FOUND_MAX).map(row));
    }

    async function search() {
        const wanted = field.value.toLowerCase().split(/\s+/).filter(Boolean);
        const all = await load();
        const found = all.map((section) => [score(section, wanted), section]).filter(([points]) => points > 0);
        found.sort((a, b) => b[0] - a[0]);
        show(wanted, wanted.length ? found.map(([, section]) => section) : []);
    }

    form.hidden = false;
    form.addEventListener('submit', (e) => {
        e.preventDefault();
        list.querySelector('a')?.click();
    });
    field.addEventListener('input', search);
    addEventListener('keydown', (e) => {
        if (e.key !== '/' || e.ctrlKey || e.metaKey || e.altKey || e.target === field) return;
        e.preventDefault();
        field.focus();
    });
})();
