// Elements. Everything that comes from a chain goes in as text, never as markup.

/**
 * An element with attributes and children; children are nodes or text, and what is null is left out.
 *
 * Attributes whose values are null or false are left out; functions become event listeners.
 */
export function h(name, attributes = {}, ...children) {
	const element = document.createElement(name);
	for (const [key, value] of Object.entries(attributes)) {
		if (value === null || value === undefined || value === false) continue;
		if (typeof value === 'function') element.addEventListener(key, value);
		else element.setAttribute(key, value === true ? '' : value);
	}
	element.append(...children.flat().filter((child) => child !== null && child !== undefined));
	return element;
}

export const byId = (id) => document.getElementById(id);

/** A button that copies a text, and says so to those who can't see it as well. */
export function copyButton(text, what) {
	const button = h('button', {
		type: 'button',
		class: 'copy',
		'aria-label': `Copy ${what}`,
		'data-key': `copy ${what}`,
		async click() {
			let said = 'Copied';
			try {
				await navigator.clipboard.writeText(text);
			} catch {
				// Pages from a file or without TLS may not use the clipboard.
				said = 'Select and copy';
				getSelection().selectAllChildren(button.parentElement.querySelector('code'));
			}
			button.textContent = said;
			setTimeout(() => (button.textContent = 'Copy'), 2000);
		},
	});
	button.textContent = 'Copy';
	return button;
}
