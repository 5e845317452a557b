//! What the client of these tests answers to interactions.

use serenity::{
    Result,
    all::{
        ActionRowComponent, AutocompleteChoice, CommandDataOptionValue, CommandInteraction,
        ComponentInteraction, Context, CreateActionRow, CreateAutocompleteResponse, CreateButton,
        CreateInputText, CreateInteractionResponse as Answer, CreateInteractionResponseFollowup,
        CreateInteractionResponseMessage, CreateModal, EditInteractionResponse, InputTextStyle,
        Interaction, ModalInteraction,
    },
};

pub(super) async fn interaction(ctx: &Context, interaction: &Interaction) -> Result<()> {
    match interaction {
        Interaction::Autocomplete(typing) => {
            let choices = vec![AutocompleteChoice::new("owls", "owls")];
            let choices = CreateAutocompleteResponse::new().set_choices(choices);
            typing.create_response(ctx, Answer::Autocomplete(choices)).await
        }
        Interaction::Command(command) => match command.data.name.as_str() {
            "ask" => ask(ctx, command).await,
            "edit" => propose(ctx, command).await,
            _ => {
                let up = says("up").ephemeral(true);
                command.create_response(ctx, Answer::Message(up)).await
            }
        },
        Interaction::Component(pressed) => press(ctx, pressed).await,
        Interaction::Modal(form) => thank(ctx, form).await,
        _ => Ok(()),
    }
}

async fn ask(ctx: &Context, command: &CommandInteraction) -> Result<()> {
    let topic = command.data.options[0].value.as_str().unwrap_or_default();
    let buttons = ["more", "tell"].map(|id| CreateButton::new(id).label(id)).to_vec();
    let message = says(topic).components(vec![CreateActionRow::Buttons(buttons)]);
    command.create_response(ctx, Answer::Message(message)).await
}

/// Think, then say it, then say something else.
async fn propose(ctx: &Context, command: &CommandInteraction) -> Result<()> {
    let thinking = CreateInteractionResponseMessage::new();
    command.create_response(ctx, Answer::Defer(thinking)).await?;
    let twice = command.create_response(ctx, Answer::Message(says("again"))).await;
    twice.expect_err("one first answer only");

    let options = command.data.options.first().map(|sub| &sub.value);
    let Some(CommandDataOptionValue::SubCommand(options)) = options else { return Ok(()) };
    let what = options[0].value.as_str().unwrap_or_default();
    command.get_response(ctx).await?;
    let edit = EditInteractionResponse::new().content(format!("proposed: {what}"));
    command.edit_response(ctx, edit).await?;
    let note = CreateInteractionResponseFollowup::new().content("and noted");
    command.create_followup(ctx, note).await.map(drop)
}

async fn press(ctx: &Context, pressed: &ComponentInteraction) -> Result<()> {
    let answer = if pressed.data.custom_id == "more" {
        Answer::UpdateMessage(says(&format!("more about {}", pressed.message.content)))
    } else {
        let field = CreateInputText::new(InputTextStyle::Short, "Your story", "story");
        let rows = vec![CreateActionRow::InputText(field)];
        Answer::Modal(CreateModal::new("story", "Tell me").components(rows))
    };
    pressed.create_response(ctx, answer).await
}

async fn thank(ctx: &Context, form: &ModalInteraction) -> Result<()> {
    let field = form.data.components.first().and_then(|row| row.components.first());
    let Some(ActionRowComponent::InputText(field)) = field else { return Ok(()) };
    let story = field.value.as_deref().unwrap_or_default();
    let thanks = says(&format!("thank you for: {story}"));
    form.create_response(ctx, Answer::Message(thanks)).await
}

fn says(text: &str) -> CreateInteractionResponseMessage {
    CreateInteractionResponseMessage::new().content(text)
}
