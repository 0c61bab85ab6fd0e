/* menu.jsx - a button with a panel below it; Escape, or a click elsewhere, closes it. */
import { useEffect, useRef, useState } from 'preact/hooks';
import { Button } from '../parts.jsx';

export function Menu({ label, children }) {
    const [open, setOpen] = useState(false);
    const box = useRef();
    useEffect(() => {
        if (!open) return undefined;
        const away = (e) => { if (!box.current.contains(e.target) && !document.querySelector('dialog[open]')) setOpen(false); };
        addEventListener('pointerdown', away);
        return () => removeEventListener('pointerdown', away);
    }, [open]);
    const onKey = (e) => {
        if (e.key !== 'Escape' || !open || document.querySelector('dialog[open]')) return;
        setOpen(false);
        box.current.querySelector('button').focus();
        e.stopPropagation();
    };
    return <div class="menu" ref={box} onKeyDown={onKey}>
        <Button aria-expanded={open} aria-haspopup="true" onClick={() => setOpen(!open)}>{label} ▾</Button>
        {open && <div class="menu-panel">{children(() => setOpen(false))}</div>}
    </div>;
}
