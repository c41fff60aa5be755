//! One frame of every kind that comes on the order connection, in the venue's shapes.

/// Orders of ours and of a foreign coin, in four states.
pub const ORDER_UPDATES: &str = r#"{"channel":"orderUpdates","data":[{"order":{"coin":"BTC","side":"B","limitPx":"65011.0","sz":"0.20705","oid":569017209592,"timestamp":1795359648890,"origSz":"0.3","cloid":"0xb0774d4d00000007020100000000002a"},"status":"open","statusTimestamp":1795359648891},{"order":{"coin":"ETH","side":"A","limitPx":"2410.5","sz":"0.0","oid":569017209593,"timestamp":1795359648000,"origSz":"1.25"},"status":"filled","statusTimestamp":1795359648892},{"order":{"coin":"@107","side":"A","limitPx":"21.0","sz":"123456789012345.5","oid":7,"timestamp":1795359648000,"origSz":"1.000000000001"},"status":"selfTradeCanceled","statusTimestamp":1795359648893},{"order":{"coin":"BTC","side":"A","limitPx":"65012.0","sz":"0.1","oid":9,"timestamp":1795359648000,"origSz":"0.1","cloid":"0x01"},"status":"eclipsed","statusTimestamp":1795359648894}]}"#;

/// A snapshot: ours with many decimals, a rebate that was a liquidation, a foreign one.
pub const USER_FILLS: &str = r#"{"channel":"userFills","data":{"isSnapshot":true,"user":"0x00000000000000000000000000000000000000aa","fills":[{"coin":"BTC","px":"65011.1234567891","sz":"0.00124","side":"B","time":1795359600500,"startPosition":"-1.5","dir":"Close Short","closedPnl":"0.12","hash":"0x01","oid":569017662681,"crossed":true,"fee":"0.0362341501","tid":167376889247413,"cloid":"0xb0774d4d00000007020100000000002a","feeToken":"USDC","twapId":null},{"coin":"ETH","px":"2410.1234567891","sz":"2.0","side":"A","time":1795359600501,"startPosition":"0.0","dir":"Open Short","closedPnl":"0.0","hash":"0x01","oid":569017662682,"crossed":false,"fee":"-0.0029940009","tid":5,"feeToken":" USDC","liquidation":{"liquidatedUser":"0x00000000000000000000000000000000000000bb","markPx":"2411.0","method":"market"}},{"coin":"@107","px":"0.5","sz":"3.0","side":"B","time":1795359600502,"startPosition":"0.00000000001","dir":"Buy","closedPnl":"0.0","hash":"0x01","oid":3,"crossed":true,"fee":"0.00031499","feeToken":"HYPE"}]}}"#;

/// A list of open orders, ours and a foreign one.
pub const OPEN_ORDERS: &str = r#"{"channel":"openOrders","data":{"dex":"","user":"0x00000000000000000000000000000000000000aa","orders":[{"coin":"ETH","side":"A","limitPx":"2415.0","sz":"0.5","oid":91490942,"timestamp":1795359412573,"triggerCondition":"N/A","isTrigger":false,"triggerPx":"0.0","children":[],"isPositionTpsl":false,"reduceOnly":true,"orderType":"Limit","origSz":"1.0","tif":"Alo","cloid":null},{"coin":"dex:GOLD","side":"B","limitPx":"3999.5","sz":"2.0","oid":91490943,"timestamp":1795359412574}]}}"#;

/// An account with two positions, one of them foreign.
pub const STATE: &str = r#"{"channel":"clearinghouseState","data":{"dex":"","user":"0x00000000000000000000000000000000000000aa","clearinghouseState":{"marginSummary":{"accountValue":"96828.2150500001234","totalNtlPos":"1005128.4","totalRawUsd":"-22358.938225","totalMarginUsed":"91375.3089580001234"},"crossMarginSummary":{"accountValue":"1.0","totalNtlPos":"1.0","totalRawUsd":"1.0","totalMarginUsed":"1.0"},"crossMaintenanceMarginUsed":"12564.1","withdrawable":"0.5","assetPositions":[{"type":"oneWay","position":{"coin":"BTC","szi":"-0.45034","leverage":{"type":"cross","value":11},"entryPx":"81046.0000000055","positionValue":"36027.2","unrealizedPnl":"3927.2","liquidationPx":null,"marginUsed":"91375.3","maxLeverage":40}},{"type":"oneWay","position":{"coin":"dex:GOLD","szi":"7.5","leverage":{"type":"isolated","value":5,"rawUsd":"1.0"},"entryPx":"4000.0"}}],"time":1795359567359}}}"#;

/// Funding paid and received.
pub const FUNDING: &str = r#"{"channel":"userFundings","data":{"isSnapshot":true,"user":"0x00000000000000000000000000000000000000aa","fundings":[{"time":1795359600128,"coin":"BTC","usdc":"-0.0251820001234","szi":"6.917","fundingRate":"0.0000125","nSamples":null},{"time":1795363200128,"coin":"ETH","usdc":"1.5","szi":"-6.917","fundingRate":"0.0000125","nSamples":null}]}}"#;

/// The answer to an action of six items.
pub const ORDER_ANSWER: &str = r#"{"channel":"post","data":{"id":8,"response":{"type":"action","payload":{"status":"ok","response":{"type":"order","data":{"statuses":[{"resting":{"oid":77738308,"cloid":"0xb0774d4d00000007020100000000002a"}},{"filled":{"totalSz":"0.02","avgPx":"1891.4000000019","oid":77747314}},{"error":"Post only order would have immediately matched, bbo was 65011.0@65012.0. asset=0"},"waitingForFill","somethingNew",{"parked":{}}]}}}}}}"#;

/// The answer to cancels.
pub const CANCEL_ANSWER: &str = r#"{"channel":"post","data":{"id":9,"response":{"type":"action","payload":{"status":"ok","response":{"type":"cancel","data":{"statuses":["success",{"error":"Order was never placed, already canceled, or filled. asset=0"}]}}}}}}"#;

/// A whole request refused.
pub const REFUSED_ANSWER: &str = r#"{"channel":"post","data":{"id":10,"response":{"type":"action","payload":{"status":"err","response":"User or API Wallet 0x00000000000000000000000000000000000000cc does not exist."}}}}"#;

/// One frame of every kind: the mutation tests start from them.
pub const FRAMES: [&str; 25] = [
    r#"{"channel":"pong"}"#,
    r#"{"channel":"userNonFundingLedgerUpdates","data":{"user":"0x00000000000000000000000000000000000000aa","nonFundingLedgerUpdates":[{"time":1795359600128,"hash":"0x01","delta":{"type":"deposit","usdc":"100.0"}}]}}"#,
    ORDER_UPDATES,
    USER_FILLS,
    OPEN_ORDERS,
    STATE,
    FUNDING,
    ORDER_ANSWER,
    CANCEL_ANSWER,
    REFUSED_ANSWER,
    r#"{"channel":"post","data":{"id":11,"response":{"type":"action","payload":{"status":"ok","response":{"type":"default"}}}}}"#,
    r#"{"channel":"post","data":{"id":12,"response":{"type":"error","payload":"429 Too Many Requests"}}}"#,
    r#"{"channel":"post","data":{"id":13,"response":{"type":"info","payload":{"type":"frontendOpenOrders","data":[{"coin":"SOL","side":"B","limitPx":"105.55","sz":"3.0","oid":1,"timestamp":1795359412573,"origSz":"3.0","cloid":"0xb0774d4d00000007020100000000002b"}]}}}}"#,
    r#"{"channel":"post","data":{"id":14,"response":{"type":"info","payload":{"type":"orderStatus","data":{"status":"order","order":{"order":{"coin":"BTC","side":"A","limitPx":"65100.0","sz":"0.1","oid":42,"timestamp":1795359412573,"origSz":"0.4","cloid":null,"reduceOnly":false},"status":"marginCanceled","statusTimestamp":1795359448890}}}}}}"#,
    r#"{"channel":"post","data":{"id":15,"response":{"type":"info","payload":{"type":"userFillsByTime","data":[{"coin":"BTC","px":"65011.0","sz":"0.5","side":"A","time":1795359600500,"startPosition":"1.0","dir":"Close Long","closedPnl":"0.0","hash":"0x01","oid":8,"crossed":false,"fee":"4.875","tid":6,"feeToken":"USDH"}]}}}}"#,
    r#"{"channel":"post","data":{"id":16,"response":{"type":"info","payload":{"type":"clearinghouseState","data":{"crossMarginSummary":{"accountValue":"1736.03","totalNtlPos":"0.0","totalRawUsd":"1736.03","totalMarginUsed":"0.0"},"withdrawable":"772.2","assetPositions":[]}}}}}"#,
    r#"{"channel":"post","data":{"id":17,"response":{"type":"info","payload":{"type":"userRateLimit","data":{"cumVlm":"2854574.59","nRequestsUsed":2890,"nRequestsCap":2864574,"nRequestsSurplus":0}}}}}"#,
    r#"{"channel":"post","data":{"id":18,"response":{"type":"info","payload":{"type":"userFunding","data":[{"time":1795359600000,"hash":"0x00","delta":{"type":"funding","coin":"BTC","usdc":"-0.5","szi":"0.75","fundingRate":"0.000008","nSamples":null}}]}}}}"#,
    r#"{"channel":"user","data":{"fills":[{"coin":"SOL","px":"106.5","sz":"2.5","side":"B","time":1795359600500,"startPosition":"0.0","dir":"Open Long","closedPnl":"0.0","hash":"0x01","oid":11,"crossed":false,"fee":"0.04","tid":12,"feeToken":"USDC","twapId":null}]}}"#,
    r#"{"channel":"user","data":{"funding":{"time":1795360000023,"coin":"BTC","usdc":"-0.082377","szi":"0.5","fundingRate":"0.0000125","nSamples":null}}}"#,
    r#"{"channel":"user","data":{"nonUserCancel":[{"coin":"BTC","oid":569031862179},{"coin":"@1","oid":5}]}}"#,
    r#"{"channel":"user","data":{"liquidation":{"lid":1,"liquidator":"0x00000000000000000000000000000000000000dd","liquidated_user":"0x00000000000000000000000000000000000000ee","liquidated_ntl_pos":"100.5","liquidated_account_value":"5.25"}}}"#,
    r#"{"channel":"subscriptionResponse","data":{"method":"subscribe","subscription":{"type":"l2Book","coin":"ETH","nSigFigs":null,"mantissa":null,"fast":true}}}"#,
    r#"{"channel":"error","data":"Already subscribed: {\"type\":\"trades\",\"coin\":\"BTC\"}"}"#,
    r#"{"channel":"error","data":"Error parsing JSON into valid websocket request: {\"method\":\"post\",\"id\":77,\"request\":{\"type\":\"action\"}}"}"#,
];
