//! `/self-editing/suggest`: the AI writes an edit.

use commands::self_editing::Suggestion;
use domain::kernel::Scope;
use poem_openapi::payload::Json;
use poem_openapi::{Object, OpenApi};

use super::edits::EditsApi;
use super::shapes::EditView;
use super::words::ScopeWord;
use crate::Tag;
use crate::answer::{Created, Result};
use crate::auth::{May, needs};

pub(crate) struct SuggestApi {
    pub(crate) edits: EditsApi,
}

#[derive(Object)]
#[oai(deny_unknown_fields)]
struct NewSuggestion {
    /// What should be different, in your words.
    #[oai(validator(min_length = 1, max_length = 2000))]
    wish: String,
    /// What it is for; without it, features.
    scope: Option<ScopeWord>,
    /// The files that it is about; without any, those that match the wish.
    #[oai(validator(max_items = 20))]
    files: Option<Vec<String>>,
}

/// The edit that the AI wrote, and how it went.
#[derive(Object)]
struct SuggestedEdit {
    #[oai(flatten)]
    edit: EditView,
    suggestion: SuggestionView,
}

/// How a suggestion came about.
#[derive(Object)]
struct SuggestionView {
    /// How many edits were tried; those whose checks failed stay in the history.
    attempts: u32,
    provider: String,
    model: String,
    /// What the model said besides.
    said: String,
    tokens_in: u64,
    tokens_out: u64,
}

#[OpenApi(prefix_path = "/api/v1/self-editing", tag = "Tag::SelfEditing")]
impl SuggestApi {
    /// Let the AI suggest an edit
    ///
    /// It may take minutes: with an `Idempotency-Key` the work goes on when you hang up, and the
    /// same request gets its answer. The edit is checked like anyone's, and always waits for a
    /// person's approval. Without an AI provider this is answered with 503.
    #[oai(path = "/suggest", method = "post", operation_id = "suggestEdit")]
    async fn suggest(
        &self,
        may: May<needs::ProposeSelfEdit>,
        body: Json<NewSuggestion>,
    ) -> Result<Created<SuggestedEdit>> {
        let NewSuggestion { wish, scope, files } = body.0;
        let scope = scope.map(Scope::from);
        let suggestion = Suggestion { wish, scope, files: files.unwrap_or_default() };
        let done = self.edits.self_editing.suggest(&may.caller, suggestion).await?;
        let (edit, version) = self.edits.told(done.edit).await?;
        let suggestion = SuggestionView {
            attempts: done.attempts,
            provider: done.model.provider,
            model: done.model.model,
            said: done.said,
            tokens_in: done.tokens_in,
            tokens_out: done.tokens_out,
        };
        let path = format!("/api/v1/self-editing/edits/{}", done.edit);
        let edit = SuggestedEdit { edit, suggestion };
        Ok(Created::at(done.position, edit).seen_at(Some(version)).location(path))
    }
}
