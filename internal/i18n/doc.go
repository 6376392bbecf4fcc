// Package i18n is the languages of this module: which there are, how one is
// chosen for a person, and how sentences are said in it. The sentences
// themselves belong to the packages that say them.
package i18n
