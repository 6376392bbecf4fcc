package redisstore

var (
	ParseReply    = parse
	ParseDecision = decision
)
