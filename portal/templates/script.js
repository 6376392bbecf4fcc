(() => {
	"use strict";
	const find = (selector) => document.querySelector(selector);
	const release = (form) => {
		delete form.dataset.sent;
		form.querySelector("[type=submit]")?.removeAttribute("aria-disabled");
	};

	// A second click must not send the form again. The answer to the first one
	// would be lost, and the second one would find the link used.
	for (const form of document.forms) {
		form.addEventListener("submit", (event) => {
			if (event.defaultPrevented || form.dataset.sent) {
				event.preventDefault();
				return;
			}
			form.dataset.sent = "true";
			form.querySelector("[type=submit]")?.setAttribute("aria-disabled", "true");
			// Whoever pressed Stop may try again.
			setTimeout(release, 10000, form);
		});
	}
	addEventListener("pageshow", (event) => {
		for (const form of document.forms) {
			release(form);
			for (const name of event.persisted ? ["password", "current"] : []) {
				if (form.elements[name]) {
					form.elements[name].value = "";
				}
			}
		}
	});

	// People paste a code with the text around it in the message.
	const code = find("#code");
	if (code && code.dataset.digits) {
		code.addEventListener("paste", (event) => {
			const text = event.clipboardData.getData("text").normalize("NFKC");
			const pattern = "(?<![0-9A-Za-z])[0-9](?:[ -]?[0-9]){" + (code.dataset.digits - 1) + "}(?![0-9A-Za-z])";
			const found = text.match(new RegExp(pattern, "g")) ?? [];
			if (found.length === 1) {
				event.preventDefault();
				code.value = found[0].replace(/[^0-9]/g, "");
			}
		});
	}

	const password = find("#password");
	if (!password) {
		return;
	}
	const show = find("#show");
	const reveal = (visible) => {
		if (!show) {
			return;
		}
		password.type = visible ? "text" : "password";
		// The name says what a click will do. A pressed state beside it would say
		// the contrary.
		show.classList.toggle("hides", visible);
		show.setAttribute("aria-label", visible ? show.dataset.hide : show.dataset.show);
	};
	if (show) {
		show.hidden = false;
		show.addEventListener("click", () => reveal(password.type === "password"));
	}
	// Browsers remember the contents of text fields. They must not remember a
	// password, so the field is sent as a password field.
	password.form.addEventListener("submit", () => reveal(false));

	// A server that has no time for the form answers with nothing, and a cookie
	// says when to send the form again. The page stays with what was typed. After
	// many times a person should know that something is broken.
	const wait = find("#wait");
	if (wait) {
		const form = password.form;
		const patient = document.createElement("input");
		patient.type = "hidden";
		patient.name = "patient";
		form.elements.proof.after(patient); // at the end it would change the margins
		let watch = 0;
		let times = 0;
		// The value of the cookie, or "". Older browsers have no cookieStore.
		const told = async () => {
			const name = wait.dataset.cookie;
			if (window.cookieStore) {
				return (await cookieStore.get(name))?.value ?? "";
			}
			return document.cookie.split("; ").find((c) => c.startsWith(name + "="))?.slice(name.length + 1) ?? "";
		};
		const again = () => {
			release(form);
			form.requestSubmit();
		};
		form.addEventListener("submit", (event) => {
			if (event.defaultPrevented) {
				return;
			}
			const number = String(Math.floor(Math.random() * 1e15));
			patient.value = times < 30 ? number : "";
			times++;
			clearInterval(watch);
			const check = async () => {
				const [whose, seconds] = (await told()).split(".");
				if (whose !== number || patient.value !== number) {
					return;
				}
				clearInterval(watch);
				patient.value = "";
				form.dataset.sent = "true";
				form.querySelector("[type=submit]")?.setAttribute("aria-disabled", "true");
				wait.hidden = false;
				wait.textContent = wait.dataset.text;
				setTimeout(again, 1000 * Number(seconds));
			};
			watch = setInterval(check, 200);
		});
	}

	// The rules of the server that a page can check alone. The script compares as
	// the server does: NFKC, without case, in code points.
	const size = (s) => [...s.normalize("NFKC").replace(/[\s._@-]/g, "")].length;
	const letters = (s) => [...s.normalize("NFKC").toLowerCase()].filter((c) => /[\p{L}\p{N}]/u.test(c)).join("");
	const repeats = (c) => {
		for (let n = 1; n < 8 && 2 * n <= c.length; n++) {
			if (c.every((x, i) => x === c[i % n])) {
				return true;
			}
		}
		return false;
	};
	const runs = (c) => {
		const step = c.length > 3 && c[1].codePointAt(0) - c[0].codePointAt(0);
		return (step === 1 || step === -1) && c.every((x, i) => i === 0 || x.codePointAt(0) - c[i - 1].codePointAt(0) === step);
	};
	const username = find("#username");
	const own = () => {
		if (!username || !username.value.includes("@")) {
			return username ? [username.value] : [];
		}
		const [local, domain] = username.value.split("@");
		return [username.value, local, local.replace(/\+.*/, ""), domain, domain.replace(/\.[^.]*$/, "")];
	};
	const isOwn = (s) => {
		const plain = letters(s);
		return plain !== "" && own().some((name) => {
			const word = letters(name);
			const at = word ? plain.indexOf(word) : -1;
			const rest = at < 0 ? "" : plain.slice(0, at) + plain.slice(at + word.length);
			return at >= 0 && /^[0-9]*$/.test(rest) && size(s) - size(name) <= 8;
		});
	};

	const list = find("[data-met]");
	if (!list) {
		return;
	}
	const rules = [...list.querySelectorAll("[data-rule]")].filter(
		(item) => item.dataset.rule !== "address" || username,
	).map((item) => ({
		item, name: item.dataset.rule, text: item.textContent, mark: item.appendChild(document.createElement("span")),
	}));
	const status = find("#status");
	let timer = 0;
	const judge = () => {
		const typed = password.value.normalize("NFKC");
		const points = [...typed.toLowerCase()];
		const met = {
			length: [...typed].length >= Number(list.dataset.min),
			repeat: !repeats(points),
			run: !runs(points),
			address: !isOwn(typed),
		};
		for (const rule of rules) {
			rule.mark.className = "quiet";
			if (typed === "") {
				delete rule.item.dataset.state;
				rule.mark.textContent = "";
			} else {
				rule.item.dataset.state = met[rule.name] ? "met" : "unmet";
				rule.mark.textContent = " " + (met[rule.name] ? list.dataset.met : list.dataset.unmet);
			}
		}
		// The status is set when the person pauses. So a screen reader does not
		// read it at every key.
		clearTimeout(timer);
		timer = setTimeout(() => {
			const open = typed === "" ? [] : rules.filter((rule) => !met[rule.name]);
			if (!status) {
				return;
			}
			status.textContent = open.map((rule) => rule.text + " " + list.dataset.unmet).join(" ");
		}, 1000);
	};
	password.addEventListener("input", judge);
	judge();
})();
