// Package scsrecovery signs a lead out of all sessions of
// github.com/alexedwards/scs/v2 after a reset. It is a [recovery.SessionEnder].
//
// # Quick start
//
//	manager := scs.New()
//	sessions, err := scsrecovery.New(manager, leads, scsrecovery.Options{})
//	service, err := recovery.New(leads, tokens, mailer, recovery.Options{
//		Sessions: sessions,
//		// ...
//	})
//	handler := manager.LoadAndSave(sessions.Middleware(mux))
//
//	// Log-in, after the password was compared:
//	err = sessions.SignIn(r.Context(), lead)
//
//	// Everywhere else:
//	leadID := sessions.LeadID(r.Context()) // "" if nobody is signed in
//
// # How sessions end
//
// Each session holds the stamp that its lead had at sign-in. EndSessions stores
// a new stamp for the lead, in one write to the store of the session manager,
// and [Sessions.Middleware] compares the two at each request. Any store of scs
// will do, without a table of its own.
//
// A list of each lead's sessions, which EndSessions would go through and delete,
// looks simpler and is wrong. A store of scs cannot add to a list in one atomic
// step, so of two log-ins at once one could be missing from it. RenewToken
// changes tokens, so the list would have to follow. And a request that is under
// way saves its session at its end, even if it was deleted meanwhile. With a
// stamp, all of these sessions have ended, whatever order things happen in.
//
// The stamp is forgotten an hour after the longest session that it ended would
// have expired. Sessions of before are gone then, so a missing stamp ends
// nothing.
//
// # Operating
//
// Each request of a signed-in person takes one more read of the store, and
// EndSessions takes one write. Sessions that the host stored before it used this
// package have no lead, so everybody signs in once more. The store must not drop
// records that have not expired: with a Redis that evicts keys, a stamp could be
// forgotten and its sessions would be open again. SessionManager.Iterate also
// visits the records of leads, which have no values but their stamp.
package scsrecovery
