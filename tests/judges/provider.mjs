// A real issuer of OpenID Connect, with its own pages to sign in and to agree. Says where it is once it listens.
import { createServer } from 'node:http';
import { Provider } from 'oidc-provider';

const [, , port, redirect] = process.argv;
const issuer = `http://127.0.0.1:${port}`;
const provider = new Provider(issuer, {
  clients: [{
    client_id: 'palimpsest',
    client_secret: 'a secret of the two of them',
    redirect_uris: [redirect],
    token_endpoint_auth_method: 'client_secret_basic',
  }],
  pkce: { required: () => true },
  conformIdTokenClaims: false,
  claims: { openid: ['sub'], email: ['email', 'email_verified'], profile: ['name'] },
  cookies: { keys: ['of the provider alone'] },
  findAccount: (_, id) => ({
    accountId: id,
    claims: () => ({ sub: id, email: `${id}@gmail.com`, email_verified: !id.startsWith('unverified'), name: id }),
  }),
});
createServer(provider.callback()).listen(Number(port), '127.0.0.1', () => console.log(issuer));
