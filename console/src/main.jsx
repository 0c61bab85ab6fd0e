/* main.jsx - the beginning. */
import { render } from 'preact';
import { Shell } from './shell.jsx';
import { applyTheme } from './theme.js';
import { begin } from './state.js';
import './style.css';

applyTheme();
begin().then((problem) => render(<Shell problem={problem} />, document.getElementById('app')));
