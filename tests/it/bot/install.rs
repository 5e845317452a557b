//! Codes that people bring back from Discord.

use adapters::discord_oauth::{Application, DiscordOAuth};
use commands::CommandError;
use commands::ports::OAuth as _;
use tests::simulators::discord::DiscordSimulator;

const CALLBACK: &str = "https://bot.example/api/public/integrations/discord/callback";

#[tokio::test]
async fn a_code_is_worth_tokens_once() {
    let discord = DiscordSimulator::start().await;
    let oauth = oauth(&discord);
    let code = discord.agree("Scriptorium", CALLBACK);

    let grant = oauth.redeem(&code).await.unwrap();
    assert_eq!(grant.scope, "bot identify guilds");
    assert_eq!(grant.guild, Some((discord.home().to_string(), "Scriptorium".to_owned())));
    assert!(String::from_utf8(grant.secret).unwrap().contains("refresh_token"));

    for code in [code.as_str(), "code-unknown"] {
        let Err(CommandError::Rejected(no)) = oauth.redeem(code).await else {
            panic!("{code} is worth nothing");
        };
        assert_eq!(no.field.as_deref(), Some("code"));
    }
}

#[tokio::test]
async fn people_are_sent_to_agree_to_four_permissions() {
    let discord = DiscordSimulator::start().await;
    let url = oauth(&discord).install_url("state").unwrap();
    let url = reqwest::Url::parse(&url).unwrap();
    let asked: Vec<_> = url.query_pairs().map(|(key, value)| format!("{key}={value}")).collect();
    for expected in [
        "permissions=277025458176",
        "response_type=code",
        "scope=bot identify guilds",
        "state=state",
    ] {
        assert!(asked.iter().any(|it| it == expected), "{asked:?}");
    }
    assert_eq!(url.path(), "/oauth2/authorize");
}

#[tokio::test]
async fn an_outage_and_a_missing_application_are_no_fault_of_the_visitor() {
    let discord = DiscordSimulator::start().await;
    let url = discord.url();
    let unknown = DiscordOAuth::new(Some(&url), None).unwrap();
    assert!(matches!(unknown.install_url("state"), Err(CommandError::Unavailable(_))));

    let gone = oauth(&discord);
    drop(discord);
    assert!(matches!(gone.redeem("code").await, Err(CommandError::Unavailable(_))));
}

fn oauth(discord: &DiscordSimulator) -> DiscordOAuth {
    let application = Application {
        client_id: discord.bot().to_string(),
        client_secret: discord.client_secret(),
        redirect_uri: CALLBACK.to_owned(),
    };
    DiscordOAuth::new(Some(&discord.url()), Some(application)).expect("a client")
}
