// Package i18n knows the languages of this module. It chooses a language for a
// person and translates sentences into it. The sentences themselves belong to
// the packages that use them.
package i18n
