/// The texts of the dashboard, in all its languages. `{0}` stands for a value; `singular|plural` is chosen by the first one.
enum Phrase: String, Sendable, CaseIterable {
    // MARK: Frame
    case navMain, navNow, navRuns, navPipelines, navTriggers, navUsage, navWorkers, navAudit, navSettings, navFilters,
        navPages, skipToContent, connectionLost, sessionEnded, pageGone, timesAre, signOut, errorTitle, notFoundTitle,
        backToNow
    // MARK: Signing in
    case signInTitle, signIn, signInToken, signInHelp, signInWrong, pageOpens, openPage
    // MARK: What a form did
    case didStart, didRetry, didCancel, doesCancel, doesEndFinally, didSee, didNothing, didFail, didEnable,
        didDisable, didDrain, didUndrain, didReplay, didRetrySelected, didCancelSelected, didLeaveOut, didNotRetry
    // MARK: States
    case stateQueued, stateRunning, stateWaiting, stateSucceeded, stateFailed, stateCancelled, stateSkipped,
        stateInterrupted, stateUnknown
    // MARK: Why
    case whyInterrupted, whyWaiting, whyCancelling, whyRetried
    // MARK: Triggers
    case triggerManual, ready, starting, problem, disabled, enable, disable
    // MARK: Backfill
    case backfill, backfillHelp, backfillFrom, backfillTo, backfillAgain, backfillOld, backfillStart, didBackfill,
        didMissNothing
    // MARK: Usage and budgets
    case usageHelp, noUsage, noUsageHint, last30Days, tokensByDay, dayAtMost, byPipeline, byAgent, byDay, columnCalls,
        columnTokens, columnTokensIn, columnTokensCached, columnTokensOut, columnCost, columnAgent, columnDay, inAndOut,
        unknownCalls, budgets, columnBudget, columnUsed, columnLimit, columnShare, columnPeriodEnd, columnBeyond,
        allChats, chatsWait, chatsFail, amountOfTokens, partlyEstimated
    // MARK: The ledger of a trigger
    case ledger, ledgerHelp, ledgerEmpty, ledgerStart, ledgerNext, columnName, columnBytes, columnChanged,
        columnWaitsFor
    // MARK: Columns
    case columnState, columnPipeline, columnTrigger, columnTriggers, columnWhy, columnCreated, columnTook, columnFor,
        columnSelect, columnLastRuns, columnNext, columnHost, columnRole, columnVersion, columnHeartbeat, columnClock,
        columnRuns, columnSince, columnTime, columnCaller, columnAction, columnSubject, columnOrigin, columnSetting,
        columnValue, columnSource, selectRun
    // MARK: Workers
    case drain, undrain, workerWorking, workerDraining, workerDrained, workerSilent, workerEnded, clockWrong,
        runsAreHeld
    // MARK: Now
    case needsNothing, needs, needsMany, sinceLooked, lastDay, last24Hours, runsIn24Hours, queuedAndWaiting, noWorkers,
        none, barsLabel, barsLabelFailed, problems, fileHasErrors, fileUnreadable, triggerHasProblem, journalTroubled,
        stranded, strandedHint, failedSince, failedLastDay, nothingFailed, retryAll, markSeen, allFailed, runningNow,
        nothingRuns, ofLimit, nextTicks, nextAt, waitsForEvents, diskHasProblem, workerWasLost, pluginIsBroken,
        budgetIsUsed, restartIsNeeded, configurationIsWrong, calls, noTicks
    // MARK: Runs
    case openRuns, filterAll, filterHour, filterDay, filterWeek, moreFilters, textInError, any, apply, noRuns,
        noRunsHint, noRunsHere, searchedPart, searchFurther, newest, older, withSelected, retry, cancel,
        endFinally
    // MARK: A run
    case factWith, factTrace, retryFrom, retryFromStep, definition, steps, upTo, notBegun, noSteps, attempt,
        attemptFailed, retries, retriedAfter, itemsDone, group, rowsOf, previous, next, answers, answerOf, beginningCut,
        partialAnswer, notes, stepSource, stepSourceChanged, valuesOfRun, factStarted, factEnded, factWakes, factWorker,
        factInterruptions, factPriority, priorityHelp, factRetryOf, factRetriedBy, factRun, factInputs, factInput,
        factOutput, items, keys, showWhole, charactersOf, backToRun, noDefinition, changedSince, unchangedSince,
        notServed, definitionThen
    // MARK: Pipelines
    case noPipelines, noPipelinesHint, hasErrors, unreadable, hasProblem, successRate, lastRuns, latestRuns, median,
        slowest, neverRan, runBars, allRuns, start, startTitle, dryRun, dryRunHelp, heldHere, noInputs, required,
        asJSON, backToPipeline, noTriggers, noTriggersAtAll, noTriggersHint, drawing, drawingOf, drawingIf,
        drawingForEach, byHand, tooManySteps, source, fileNotServed, lastVersionServed, lastReadServed
    // MARK: Deliveries
    case deliveries, deliveryTitle, columnOutcome, columnRequest, columnAnswer, columnBody, columnHeaders, columnSender,
        outcomeAccepted, outcomeDuplicate, outcomeIgnored, outcomeRefused, noDeliveries, noDeliveriesHint,
        noDeliveriesHere, bodyIsCut, bodyIsUnread, bodyIsBinary, bodyIsEmpty, replay, replayHelp, backToTriggers
    // MARK: Others
    case noAudit, settingsHelp, settingWaits, secretIsSet, sourceDefault, sourceCommandLine
    // MARK: Units
    case unitMilliseconds, unitSeconds, unitMinutes, unitHours, unitDays, ago, fromNow

    var words: (english: String, japanese: String) {
        switch self {
        case .navMain: ("Main navigation", "メインナビゲーション")
        case .navNow: ("Now", "現在")
        case .navRuns: ("Runs", "実行")
        case .navPipelines: ("Pipelines", "パイプライン")
        case .navTriggers: ("Triggers", "トリガー")
        case .navUsage: ("Usage", "使用量")
        case .navWorkers: ("Workers", "ワーカー")
        case .navAudit: ("Audit log", "監査ログ")
        case .navSettings: ("Settings", "設定")
        case .navFilters: ("Filters", "絞り込み")
        case .navPages: ("Pages", "ページ")
        case .skipToContent: ("Skip to content", "本文へ移動")
        case .connectionLost:
            (
                "The connection to the server is lost; this page goes on by itself when it is back.",
                "サーバーとの接続が切れました。復旧すると、このページは自動的に再開します。"
            )
        case .sessionEnded:
            (
                "You are signed out, and this page is no longer updated. Reload it to sign in.",
                "サインアウトしているため、このページは更新されません。再読み込みしてサインインしてください。"
            )
        case .pageGone:
            (
                "This page is not available any more, and is no longer updated.",
                "このページは表示できなくなったため、更新されません。"
            )
        case .timesAre: ("Times are in {0}.", "時刻は {0} で表示しています。")
        case .signOut: ("Sign out", "サインアウト")
        case .errorTitle: ("That did not work", "処理できませんでした")
        case .notFoundTitle: ("There is no such page", "ページが見つかりません")
        case .backToNow: ("To the start page", "最初のページへ")
        case .signInTitle: ("Sign in", "サインイン")
        case .signIn: ("Sign in", "サインイン")
        case .signInToken: ("API token", "API トークン")
        case .signInHelp:
            (
                "The token of `server.token` in runnel.yaml. On the server's machine, `runnel open` signs in without it.",
                "runnel.yaml の `server.token` の値です。サーバーのマシンでは、`runnel open` を使うとトークンを入力せずにサインインできます。"
            )
        case .signInWrong: ("This is not the server's token.", "トークンが正しくありません。")
        case .pageOpens: ("The page opens by itself.", "ページは自動的に開きます。")
        case .openPage: ("Open the page", "ページを開く")
        case .didStart: ("The run was started.", "実行を開始しました。")
        case .didRetry: ("A new run was started.", "新しい実行を開始しました。")
        case .didCancel: ("The run was cancelled.", "実行をキャンセルしました。")
        case .doesCancel: ("The run was asked to end.", "実行の停止を要求しました。")
        case .doesEndFinally: ("Its finally was asked to end.", "finally の停止を要求しました。")
        case .didSee: ("Marked as seen.", "確認済みにしました。")
        case .didNothing: ("No run was selected.", "実行が選択されていません。")
        case .didFail:
            (
                "Nothing was changed: the selected runs are in no state for it.",
                "変更はありません。選択した実行はその操作ができる状態ではありません。"
            )
        case .didEnable: ("The trigger was enabled.", "トリガーを有効にしました。")
        case .didDisable: ("The trigger was disabled.", "トリガーを無効にしました。")
        case .didDrain:
            (
                "The worker finishes its runs and takes no more, within five seconds.",
                "ワーカーは 5 秒以内に新しい実行の受け取りを止め、処理中の実行だけを終えます。"
            )
        case .didUndrain: ("The worker takes runs again, within five seconds.", "ワーカーは 5 秒以内に実行の受け取りを再開します。")
        case .didReplay: ("The delivery was replayed.", "配信を再実行しました。")
        case .didRetrySelected: ("1 new run was started.|{0} new runs were started.", "新しい実行を {0} 件開始しました。")
        case .didCancelSelected:
            (
                "1 run was cancelled or asked to end.|{0} runs were cancelled or asked to end.",
                "{0} 件の実行をキャンセルしたか、停止を要求しました。"
            )
        case .didLeaveOut:
            (
                "1 selected run was left out: its state does not allow it.|{0} selected runs were left out: their state does not allow it.",
                "選択した実行のうち {0} 件は、その操作ができる状態ではありません。"
            )
        case .didNotRetry:
            (
                "1 selected run was left out: it was retried already, or its state, its file or an input does not allow it. Retry it alone to see why.|{0} selected runs were left out: they were retried already, or their state, file or inputs do not allow it. Retry one alone to see why.",
                "選択した実行のうち {0} 件は、すでに再実行済みか、状態、ファイルまたは入力が原因で再実行できません。個別に再実行すると理由が表示されます。"
            )
        case .stateQueued: ("queued", "待機中")
        case .stateRunning: ("running", "実行中")
        case .stateWaiting: ("waiting", "再開待ち")
        case .stateSucceeded: ("succeeded", "成功")
        case .stateFailed: ("failed", "失敗")
        case .stateCancelled: ("cancelled", "キャンセル")
        case .stateSkipped: ("skipped", "スキップ")
        case .stateInterrupted: ("interrupted", "中断")
        case .stateUnknown: ("unknown", "不明")
        case .whyInterrupted:
            (
                "Its worker stopped; it is resumed by the next free worker.",
                "ワーカーが停止しました。空いているワーカーが再開します。"
            )
        case .whyWaiting: ("goes on {0}", "{0}に再開")
        case .whyRetried: ("retried by {0};", "{0} で再実行済み。")
        case .whyCancelling: ("is being cancelled", "キャンセル中")
        case .triggerManual: ("by hand", "手動")
        case .ready: ("ready", "待受中")
        case .starting: ("starting", "起動中")
        case .backfill: ("Run ticks of the past", "過去の予定を実行")
        case .backfillHelp:
            (
                "A tick that has run starts no second run. At most 100 ticks can be run at once.",
                "すでに実行された予定は再び実行されません。一度に実行できるのは最大 100 件です。"
            )
        case .backfillFrom: ("From", "開始")
        case .backfillTo: ("To", "終了")
        case .backfillAgain: ("Run failed and cancelled ones again", "失敗またはキャンセルされたものを再実行")
        case .backfillOld:
            (
                "Run ticks older than dedupe.keep; one that has run may run again",
                "dedupe.keep より古いものも実行（再度実行されることがあります）"
            )
        case .backfillStart: ("Run them", "実行")
        case .didBackfill: ("The ticks were started.", "過去の予定の実行を開始しました。")
        case .didMissNothing: ("No tick was missing.", "未実行の予定はありません。")
        case .usageHelp:
            (
                "Calls to agents and models in the last 30 days (time zone {0}). Tokens that a server did not report are not counted.",
                "直近 30 日（タイムゾーン {0}）のエージェントとモデルの呼び出しです。サーバーが通知しなかったトークン数は合計に含みません。"
            )
        case .noUsage: ("No agent or model was called.", "エージェントやモデルの呼び出しはありません。")
        case .noUsageHint: ("Simulated chats are not counted.", "シミュレーションのチャットは数えません。")
        case .last30Days: ("The last 30 days", "直近 30 日")
        case .tokensByDay: ("Model tokens by day", "日ごとのトークン数")
        case .dayAtMost: ("at most {0} a day", "1 日最大 {0}")
        case .byPipeline: ("By pipeline", "パイプライン別")
        case .byAgent: ("By agent or model", "エージェント・モデル別")
        case .byDay: ("By day", "日別")
        case .columnCalls: ("Calls", "呼び出し")
        case .columnTokens: ("Model tokens", "トークン")
        case .columnTokensIn: ("Tokens in", "入力トークン")
        case .columnTokensCached: ("Cached", "キャッシュ")
        case .columnTokensOut: ("Tokens out", "出力トークン")
        case .columnCost: ("Cost", "費用")
        case .columnAgent: ("Agent or model", "エージェントまたはモデル")
        case .columnDay: ("Day", "日")
        case .inAndOut: ("{0} in, {1} out", "入力 {0}、出力 {1}")
        case .unknownCalls: ("{0} without numbers", "数値なし {0} 件")
        case .budgets: ("Budgets", "予算")
        case .columnBudget: ("Budget", "予算")
        case .columnUsed: ("Used", "使用済み")
        case .columnLimit: ("Limit", "上限")
        case .columnShare: ("Share", "割合")
        case .columnPeriodEnd: ("Period ends", "期間の終わり")
        case .columnBeyond: ("Beyond it", "超えた場合")
        case .allChats: ("All chats", "すべてのチャット")
        case .chatsWait: ("chats wait for the next period", "チャットは次の期間まで待ちます")
        case .chatsFail: ("chats fail", "チャットは失敗します")
        case .amountOfTokens: ("{0} tokens", "{0} トークン")
        case .partlyEstimated: ("{0}, some estimated", "{0}（推定を含む）")
        case .ledger: ("What it remembers", "記憶しているもの")
        case .ledgerHelp: ("By these entries it knows what it has handled.", "これらの記録により、処理済みのものを見分けます。")
        case .ledgerEmpty: ("It remembers nothing.", "記憶しているものはありません。")
        case .ledgerStart: ("To the beginning", "先頭へ")
        case .ledgerNext: ("Further entries", "続き")
        case .columnName: ("Name", "名前")
        case .columnBytes: ("Bytes", "バイト数")
        case .columnChanged: ("Changed", "変更日時")
        case .columnWaitsFor: ("Waits for the run", "待っている実行")
        case .disabled: ("disabled", "無効")
        case .enable: ("Enable", "有効にする")
        case .disable: ("Disable", "無効にする")
        case .problem: ("problem", "問題あり")
        case .columnState: ("State", "状態")
        case .columnPipeline: ("Pipeline", "パイプライン")
        case .columnTrigger: ("Trigger", "トリガー")
        case .columnTriggers: ("Triggers", "トリガー")
        case .columnWhy: ("Details", "詳細")
        case .columnCreated: ("Accepted", "受付")
        case .columnTook: ("Took", "所要時間")
        case .columnFor: ("For", "経過")
        case .columnSelect: ("Select", "選択")
        case .columnLastRuns: ("Last 30 runs", "直近 30 回")
        case .columnNext: ("Next", "次回")
        case .columnHost: ("Host and process", "ホストとプロセス")
        case .columnRole: ("Command", "コマンド")
        case .columnVersion: ("Version", "バージョン")
        case .columnHeartbeat: ("Heartbeat", "ハートビート")
        case .columnClock: ("Clock", "時計の差")
        case .drain: ("Drain", "ドレイン")
        case .undrain: ("Undrain", "ドレイン解除")
        case .workerWorking: ("working", "稼働中")
        case .workerDraining: ("draining", "ドレイン中")
        case .workerDrained: ("drained", "ドレイン済み")
        case .workerSilent: ("silent", "応答なし")
        case .workerEnded: ("ended", "終了")
        case .clockWrong: ("The clock of {0} is wrong.", "{0} の時計がずれています。")
        case .runsAreHeld: ("Runs wait for the machine {0}.", "マシン {0} を待っている実行があります。")
        case .columnRuns: ("Works on", "処理中")
        case .columnSince: ("Since", "開始")
        case .columnTime: ("Time", "時刻")
        case .columnCaller: ("Who", "操作者")
        case .columnAction: ("Action", "操作")
        case .columnSubject: ("What", "対象")
        case .columnOrigin: ("From", "接続元")
        case .columnSetting: ("Setting", "設定")
        case .columnValue: ("Value", "値")
        case .columnSource: ("Source", "由来")
        case .selectRun: ("Select {0} {1}", "{0} {1} を選択")
        case .needsNothing: ("Everything is fine. Nothing needs you.", "すべて正常です。対応が必要なものはありません。")
        case .needs: ("One thing needs you.|{0} things need you.", "{0} 件の対応が必要です。")
        case .needsMany: ("More than {0} runs failed.", "{0} 件を超える実行が失敗しました。")
        case .sinceLooked:
            (
                "You last marked everything as seen {0}. In the last 24 hours {1} runs succeeded and {2} failed.",
                "最後に確認済みにしたのは{0}です。直近 24 時間で {1} 件が成功し、{2} 件が失敗しました。"
            )
        case .lastDay:
            (
                "In the last 24 hours {0} runs succeeded and {1} failed.",
                "直近 24 時間で {0} 件が成功し、{1} 件が失敗しました。"
            )
        case .last24Hours: ("The last 24 hours", "直近 24 時間")
        case .runsIn24Hours: ("Runs in 24 hours", "24 時間の実行")
        case .queuedAndWaiting: ("{0} queued, {1} waiting", "待機中 {0}、再開待ち {1}")
        case .noWorkers: ("No worker is running.", "ワーカーは動作していません。")
        case .none: ("none", "なし")
        case .barsLabel: ("Runs by hour; none failed", "時間ごとの実行数。失敗なし")
        case .barsLabelFailed: ("Runs by hour; failures at {0}", "時間ごとの実行数。失敗: {0}")
        case .problems: ("Problems", "問題")
        case .fileHasErrors: ("{0} has errors", "{0} にエラーがあります")
        case .fileUnreadable: ("{0} cannot be read", "{0} を読み取れません")
        case .triggerHasProblem: ("The trigger {0} of {1} has a problem", "{1} のトリガー {0} に問題があります")
        case .journalTroubled:
            ("The journal cannot be used, so no runs are accepted", "ジャーナルを使用できないため、実行を受け付けられません")
        case .stranded:
            (
                "1 run of this server cannot go on|{0} runs of this server cannot go on",
                "このサーバーの {0} 件の実行が継続できません"
            )
        case .strandedHint:
            (
                "The journal cannot be written; they go on once it can.",
                "ジャーナルに書き込めません。書き込めるようになると再開します。"
            )
        case .failedSince: ("Failed since you last looked", "前回の確認以降に失敗した実行")
        case .failedLastDay: ("Failed in the last 24 hours", "直近 24 時間に失敗した実行")
        case .nothingFailed: ("Nothing failed.", "失敗した実行はありません。")
        case .retryAll: ("Retry it|Retry all {0}", "{0} 件をすべて再実行")
        case .markSeen: ("Mark as seen", "確認済みにする")
        case .allFailed: ("All failed runs", "失敗した実行をすべて表示")
        case .runningNow: ("Running now", "実行中")
        case .nothingRuns: ("Nothing is running.", "実行中のものはありません。")
        case .ofLimit: ("1 run|{0} runs", "{0} 件")
        case .nextTicks: ("Next", "次の予定")
        case .nextAt: ("next at", "次回")
        case .waitsForEvents: ("Waiting for events", "イベントを待機中")
        case .diskHasProblem: ("There is little room on the disk", "ディスクの空き容量が足りません")
        case .workerWasLost: ("A worker was lost", "ワーカーが失われました")
        case .pluginIsBroken: ("A plugin could not be loaded", "読み込めないプラグインがあります")
        case .budgetIsUsed: ("A budget is nearly or wholly used up", "予算の残りがわずか、またはありません")
        case .restartIsNeeded: ("Changes take effect when Runnel is restarted", "変更の反映には Runnel の再起動が必要です")
        case .configurationIsWrong:
            (
                "The configuration has problems; what was valid before stays in use",
                "設定に問題があります。直前の有効な設定を使用しています"
            )
        case .calls: ("1 call|{0} calls", "呼び出し {0} 件")
        case .noTicks: ("No trigger is waiting.", "待機中のトリガーはありません。")
        case .openRuns: ("{0} running, {1} queued", "実行中 {0}、待機中 {1}")
        case .filterAll: ("All", "すべて")
        case .filterHour: ("Last hour", "直近 1 時間")
        case .filterWeek: ("Last 7 days", "直近 7 日")
        case .filterDay: ("Last 24 hours", "直近 24 時間")
        case .moreFilters: ("More filters", "その他の条件")
        case .textInError: ("Text in the error", "エラーの文字列")
        case .any: ("any", "指定なし")
        case .apply: ("Apply", "適用")
        case .noRuns: ("There are no runs yet.", "実行はまだありません。")
        case .noRunsHint: ("Start one from the page of a pipeline.", "パイプラインのページから開始できます。")
        case .noRunsHere: ("No run matches these filters.", "条件に一致する実行はありません。")
        case .searchedPart: ("Only a part of the runs has been searched.", "検索したのは一部の実行だけです。")
        case .searchFurther: ("Search older runs", "さらに古い実行を検索")
        case .newest: ("Newest", "最新")
        case .older: ("Older", "以前")
        case .withSelected: ("Selected runs:", "選択した実行:")
        case .retry: ("Retry", "再実行")
        case .cancel: ("Cancel", "キャンセル")
        case .endFinally: ("End its finally", "finally を終了")
        case .factWith: ("Settings as rendered (with)", "展開後の設定 (with)")
        case .factTrace: ("Trace", "トレース")
        case .retryFrom: ("Retry from a step…", "ステップから再実行…")
        case .retryFromStep: ("The first step to run again", "再実行を始めるステップ")
        case .definition: ("Definition", "定義")
        case .steps: ("Steps", "ステップ")
        case .upTo: ("0 – {0}", "0 – {0}")
        case .notBegun: ("The run has not begun yet.", "実行はまだ始まっていません。")
        case .noSteps: ("No step was executed.", "実行されたステップはありません。")
        case .attempt: ("attempt {0}", "{0} 回目")
        case .attemptFailed: ("Attempt {0} failed after {1}:", "{0} 回目は {1} 後に失敗:")
        case .retries: ("retries {0}", "{0}に再試行")
        case .retriedAfter: ("tried again after {0}", "{0} 後に再試行")
        case .itemsDone: ("{0} of {1} items", "{1} 件中 {0} 件")
        case .group: ("group", "グループ")
        case .rowsOf: ("{0}–{1} of {2}", "{2} 件中 {0}–{1}")
        case .previous: ("Previous", "前へ")
        case .next: ("Next", "次へ")
        case .answers: ("Answers as they stream", "受信中の回答")
        case .answerOf: ("Answer of {0}", "{0} の回答")
        case .beginningCut: ("The beginning is left out.", "先頭部分は省略しています。")
        case .partialAnswer: ("What had been received", "受信済みの内容")
        case .notes: ("Notes ({0})", "メモ ({0})")
        case .stepSource: ("Definition of the step", "ステップの定義")
        case .stepSourceChanged:
            (
                "Definition of the step as it is today; the run began with another version",
                "現在のステップの定義（実行時の版とは異なります）"
            )
        case .valuesOfRun: ("Values of the run", "実行の値")
        case .factStarted: ("Began", "開始")
        case .factEnded: ("Ended", "終了")
        case .factWakes: ("Goes on", "再開予定")
        case .factWorker: ("Worker", "ワーカー")
        case .factInterruptions: ("Interruptions", "中断回数")
        case .factPriority: ("Priority", "優先度")
        case .priorityHelp:
            (
                "From -10 to 10: of the queued runs, the oldest of the highest priority begins first.",
                "-10 から 10 まで。待機中の実行のうち、優先度が最も高く、最も古いものから始まります。"
            )
        case .factRetryOf: ("Retry of", "再実行元")
        case .factRetriedBy: ("Retried by", "再実行先")
        case .factRun: ("Run", "実行 ID")
        case .factInputs: ("Inputs", "パラメーター")
        case .factInput: ("Input", "入力")
        case .factOutput: ("Output", "出力")
        case .items: ("1 item|{0} items", "{0} 件")
        case .keys: ("1 key|{0} keys", "{0} 項目")
        case .showWhole: ("Show the whole value", "全体を表示")
        case .charactersOf: ("Characters {0}–{1} of {2}", "{2} 文字中 {0}–{1}")
        case .backToRun: ("To the run", "実行へ戻る")
        case .noDefinition: ("The definition is not kept any more.", "定義は保存されていません。")
        case .changedSince: ("Changed since then", "その後の変更")
        case .unchangedSince: ("The file is unchanged since the run began.", "実行開始後、ファイルは変更されていません。")
        case .notServed: ("The pipeline is not served any more.", "このパイプラインは提供されていません。")
        case .definitionThen: ("As the run began with it", "実行開始時の定義")
        case .noPipelines: ("No pipelines are served.", "提供中のパイプラインはありません。")
        case .noPipelinesHint:
            (
                "`runnel new pipeline` writes one into the folder.",
                "`runnel new pipeline` でフォルダーに作成できます。"
            )
        case .hasErrors: ("errors", "エラー")
        case .unreadable: ("cannot be read", "読み取り不可")
        case .hasProblem: ("problem", "問題あり")
        case .successRate: ("Succeeded", "成功率")
        case .lastRuns: ("The last 30 runs, by duration", "直近 30 回の所要時間")
        case .latestRuns: ("Latest runs", "最近の実行")
        case .median: ("Median (p50)", "中央値 (p50)")
        case .slowest: ("Slowest (p95)", "上位 (p95)")
        case .neverRan: ("It has not run yet.", "まだ実行されていません。")
        case .runBars: ("1 run by duration, {1} failed|{0} runs by duration, {1} failed", "{0} 件の所要時間、失敗 {1} 件")
        case .allRuns: ("All runs", "すべての実行")
        case .start: ("Start", "開始")
        case .startTitle: ("Start a run", "実行を開始")
        case .dryRun: ("Dry run", "ドライラン")
        case .dryRunHelp:
            (
                "A dry run ends at the first step that has a cost or a side effect, and stores nothing.",
                "ドライランは、費用や副作用のある最初のステップで終了し、何も保存しません。"
            )
        case .heldHere:
            (
                "The dry run ends here; the step would be called with:",
                "ドライランはここで終了します。このステップは次の値で呼び出されます:"
            )
        case .noInputs: ("The pipeline has no inputs.", "このパイプラインにパラメーターはありません。")
        case .required: ("(required)", "（必須）")
        case .asJSON: ("As JSON.", "JSON で入力します。")
        case .backToPipeline: ("To the pipeline", "パイプラインへ戻る")
        case .noTriggers: ("No trigger starts this pipeline.", "このパイプラインを開始するトリガーはありません。")
        case .noTriggersAtAll: ("No pipeline has a trigger.", "トリガーを持つパイプラインはありません。")
        case .noTriggersHint: ("`on:` in a pipeline's file says what starts it.", "パイプラインのファイルの `on:` で指定します。")
        case .drawing: ("Drawing", "構成図")
        case .drawingOf: ("The steps: {0}", "ステップ: {0}")
        case .drawingIf: ("if", "条件")
        case .drawingForEach: ("for each item", "各要素")
        case .byHand: ("by hand", "手動")
        case .tooManySteps: ("The pipeline has {0} steps, too many to draw.", "ステップが {0} 個あり、図にするには多すぎます。")
        case .source: ("Source", "ソース")
        case .fileNotServed: ("The file has errors; it is not served.", "ファイルにエラーがあるため、提供していません。")
        case .lastVersionServed:
            (
                "The file has errors; its last valid version stays in service.",
                "ファイルにエラーがあります。最後の有効な版を提供しています。"
            )
        case .lastReadServed:
            (
                "The file cannot be read; its last valid version stays in service.",
                "ファイルを読み取れません。最後の有効な版を提供しています。"
            )
        case .deliveries: ("Deliveries", "配信")
        case .deliveryTitle: ("Delivery {0}", "配信 {0}")
        case .columnOutcome: ("Outcome", "結果")
        case .columnRequest: ("Request", "リクエスト")
        case .columnAnswer: ("Answer", "応答")
        case .columnBody: ("Body", "本文")
        case .columnHeaders: ("Header fields", "ヘッダー")
        case .columnSender: ("Sender", "送信元")
        case .outcomeAccepted: ("accepted", "受理")
        case .outcomeDuplicate: ("duplicate", "重複")
        case .outcomeIgnored: ("ignored", "対象外")
        case .outcomeRefused: ("refused", "拒否")
        case .noDeliveries: ("No hook has been called yet.", "フックへの配信はまだありません。")
        case .noDeliveriesHint:
            ("`deliveries` in `runnel.yaml` says how long they are kept.", "保存期間は `runnel.yaml` の `deliveries` で指定します。")
        case .noDeliveriesHere: ("No delivery matches these filters.", "条件に一致する配信はありません。")
        case .bodyIsCut: ("The first {0} are kept, of {1}.", "全 {1} のうち先頭の {0} だけを保存しています。")
        case .bodyIsUnread: ("The body was not read to its end.", "本文は最後まで読み取られていません。")
        case .bodyIsBinary: ("The body is not text: {0}.", "本文はテキストではありません: {0}")
        case .bodyIsEmpty: ("The body is empty.", "本文は空です。")
        case .replay: ("Replay", "再送")
        case .replayHelp:
            (
                "A replay starts a new run of the pipeline as it is now. The signature is not checked again.",
                "再送すると、現在のパイプラインで新しい実行を開始します。署名は再検証しません。"
            )
        case .backToTriggers: ("To the triggers", "トリガーへ戻る")
        case .noAudit: ("Nothing was done yet.", "操作はまだありません。")
        case .settingsHelp:
            (
                "The configuration in effect, and where each value comes from. Secrets are shown by name only.",
                "有効な設定と、各値の由来です。シークレットは名前だけを表示します。"
            )
        case .settingWaits: ("(changed; waits for a restart)", "（変更済み。再起動後に有効）")
        case .secretIsSet: ("set, not shown", "設定済み（非表示）")
        case .sourceDefault: ("default", "既定値")
        case .sourceCommandLine: ("command line", "コマンドライン")
        case .unitMilliseconds: ("ms", "ミリ秒")
        case .unitSeconds: ("s", "秒")
        case .unitMinutes: ("min", "分")
        case .unitHours: ("h", "時間")
        case .unitDays: ("d", "日")
        case .ago: ("{0} ago", "{0}前")
        case .fromNow: ("in {0}", "{0}後")
        }
    }
}
