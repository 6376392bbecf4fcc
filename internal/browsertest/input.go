package browsertest

import (
	"encoding/json"
	"fmt"

	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/chromedp"
)

// quote returns s as a JavaScript string.
func quote(s string) string {
	b, err := json.Marshal(s)
	if err != nil {
		panic(err) // a string always has a JSON form
	}
	return string(b)
}

// spot is the script that finds where to click on an element. The place is the
// middle of the element's first line. It must be visible, and nothing may cover
// it.
const spot = `(selector => {
	const e = document.querySelector(selector);
	if (!e) return {Wrong: "there is none"};
	e.scrollIntoView({block: "center", inline: "center", behavior: "instant"});
	const box = e.getClientRects()[0];
	if (!box || !box.width || !box.height) return {Wrong: "it is not shown"};
	const p = {X: box.left + box.width / 2, Y: box.top + box.height / 2};
	const top = document.elementFromPoint(p.X, p.Y);
	if (!top || !e.contains(top)) p.Wrong = "it is covered by " + (top ? top.outerHTML : "nothing");
	return p;
})(%s)`

type point struct {
	X, Y  float64
	Wrong string
}

func (t *Tab) find(selector string) point {
	t.tb.Helper()
	p := Eval[point](t, fmt.Sprintf(spot, quote(selector)))
	if p.Wrong != "" {
		t.tb.Fatalf("browsertest: %s on %s: %.200s", selector, t.URL(), p.Wrong)
	}
	return p
}

// Click moves the mouse to the element and clicks on it.
func (t *Tab) Click(selector string) {
	t.tb.Helper()
	t.mouse = t.find(selector)
	t.click(1)
}

// ClickAgain makes the last click a double click. It checks nothing, so a test
// can call it while another page loads.
func (t *Tab) ClickAgain() { t.tb.Helper(); t.click(2) }

func (t *Tab) click(count int) {
	t.tb.Helper()
	p := t.mouse
	Call(t, input.DispatchMouseEvent, input.DispatchMouseEventParams{Type: chromedp.MouseMoved, X: p.X, Y: p.Y})
	for _, kind := range []input.DispatchMouseEventType{chromedp.MousePressed, chromedp.MouseReleased} {
		Call(t, input.DispatchMouseEvent, input.DispatchMouseEventParams{
			Type: kind, X: p.X, Y: p.Y, Button: input.MouseButtonLeft, ClickCount: int64(count),
		})
	}
}

// Type types a text key by key into the element with the focus.
func (t *Tab) Type(text string) { t.tb.Helper(); t.Press(text) }

// Press presses keys. Package kb has the special ones.
func (t *Tab) Press(keys string) { t.tb.Helper(); t.Do(chromedp.KeyEvent(keys)) }

// Insert puts a whole text at once into the element with the focus, as other
// keyboards do.
func (t *Tab) Insert(text string) {
	t.tb.Helper()
	Call(t, input.InsertText, input.InsertTextParams{Text: text})
}

// Shortcut presses Ctrl and a letter. It also sends the editing command that
// these keys mean on most systems: "a" selectAll, "c" copy, "v" paste.
func (t *Tab) Shortcut(letter string) {
	t.tb.Helper()
	command, ok := map[string]string{"a": "selectAll", "c": "copy", "v": "paste"}[letter]
	if !ok {
		t.tb.Fatalf("browsertest: no shortcut %q", letter)
	}
	key := input.DispatchKeyEventParams{
		Type: input.DispatchKeyEventTypeRawKeyDown, Modifiers: int64(chromedp.ModifierCtrl), Key: letter,
		Code: "Key" + string(letter[0]-'a'+'A'), WindowsVirtualKeyCode: int64(letter[0] - 'a' + 'A'), Commands: []string{command},
	}
	Call(t, input.DispatchKeyEvent, key)
	key.Type, key.Commands = input.DispatchKeyEventTypeKeyUp, nil
	Call(t, input.DispatchKeyEvent, key)
}
