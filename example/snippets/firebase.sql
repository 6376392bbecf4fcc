INSERT INTO users (email, password_hash)
SELECT email, CASE WHEN password_hash = '' THEN '!' ELSE
    '$fbscrypt$v=1,n=14,r=8,p=1,ss=Bw==,sk=jxspr8Ki0RYycVU8zykbdLGjFQ3McFUH0uiiTvC8pVMXAn210wjLNmdZJzxUECKbm0QsEmYUSDzZvpjeJ9WmXA==$'
    || salt || '$' || password_hash END
FROM firebase_users;
