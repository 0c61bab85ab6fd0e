import { defineConfig } from 'vite';

export default defineConfig({
    base: '/console/',
    esbuild: { jsx: 'automatic', jsxImportSource: 'preact' },
    build: {
        target: 'es2022',
        modulePreload: { polyfill: false },
        assetsInlineLimit: 0, // the policy of the pages knows no inline anything
        reportCompressedSize: false,
    },
});
