package recovery

// A Purpose says what a link, token or code is for. One that was made for one
// purpose is refused for another (A36).
type Purpose string

// The purposes.
const (
	// PurposeReset is the reset of a password that a person, or a server for
	// that person, asked for.
	PurposeReset Purpose = "reset"
	// PurposeForcedReset is the reset of a password that the host asked for:
	// see [Service.SendToAll]. The same page, and [Service.ResetPassword],
	// take its links.
	PurposeForcedReset Purpose = "forced_reset"
	// PurposeInvitation is the choice of a first password: see
	// [Service.SendInvitation]. Only [Service.AcceptInvitation] takes its links.
	PurposeInvitation Purpose = "invitation"
)

// kind returns the kind of the tokens that links for this purpose carry.
func (p Purpose) kind() tokenKind {
	switch p {
	case PurposeInvitation:
		return kindInvitation
	case PurposeForcedReset:
		return kindForced
	}
	return kindMailed
}

// purpose returns what tokens of this kind are for.
func (k tokenKind) purpose() Purpose {
	switch k {
	case kindInvitation:
		return PurposeInvitation
	case kindForced:
		return PurposeForcedReset
	}
	return PurposeReset
}

// message returns the kind of the message that carries a token of this kind.
func (k tokenKind) message() MessageKind {
	switch k {
	case kindCode:
		return MessageResetCode
	case kindInvitation:
		return MessageInvitation
	case kindForced:
		return MessageResetRequired
	}
	return MessageResetLink
}

// whyNoToken returns why a lead in this state may not use tokens of a kind, or
// the empty reason if it may.
func (s *Service) whyNoToken(kind tokenKind, status LeadStatus) EventReason {
	invitation := kind == kindInvitation
	switch status {
	case StatusActive, StatusResetRequired:
		if invitation {
			return ReasonHasPassword
		}
		return ""
	case StatusInvited:
		if invitation {
			return ""
		}
		return ReasonInvited
	case StatusNoPassword:
		if invitation && s.opts.Invitations.NoPassword {
			return ""
		}
		return ReasonNoPassword
	}
	return ReasonDisabled
}
